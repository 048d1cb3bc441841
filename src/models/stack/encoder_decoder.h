#pragma once
#include "models/stack/input_side.h"
#include "models/stack/language_model.h"
#include "models/stack/transformer_layer.h"

namespace inseq::models {

/// One half of a model: from embeddings to normalised hidden states.
struct HalfStack {
  InputSide input;
  std::vector<TransformerLayer> layers;
  std::unique_ptr<nn::Norm> final_norm = nullptr;  ///< or null
};

/// What an architecture file assembles.
struct EncoderDecoderParts {
  ModelSizes sizes;
  HalfStack encoder, decoder;
  nn::Linear head;           // hidden -> vocab
  double logit_scale = 1.0;  ///< of the final hidden states, before the head
};

/// A sequence-to-sequence model: an encoder that reads the source, and a decoder that sees the
/// target so far and, by cross-attention, what the encoder made of the source.
class EncoderDecoder final : public LanguageModel {
 public:
  /// Activations of one half.
  struct HalfSaved {
    std::vector<TransformerLayer::Saved> layers;
    nn::Norm::Saved input_norm, final_norm;
    int64_t tokens = 0;
  };
  struct Kept : Pass {
    HalfSaved encoder, decoder;
  };
  struct Keys : Cache {
    std::vector<nn::KeyValueCache> layers;
    std::vector<nn::CrossAttention::Source> sources;  // one per decoder layer
    Tensor source_of;  // [batch] int64 on the CPU: which of the distinct sources an entry reads
    void reorder(const Tensor& rows) override;
  };

  explicit EncoderDecoder(EncoderDecoderParts parts);

  Sides embed(const Sides& ids) const override;
  std::unique_ptr<Pass> forward(const Sides& embeddings, const PassOptions& options) const override;
  std::unique_ptr<Pass> forward_on(const Pass& prefix, int64_t from, const Tensor& target,
                                   const PassOptions& options) const override;
  Tensor logits(const Tensor& final_hidden) const override;
  Tensor logits_pullback(const Tensor& grad_logits) const override;
  Sides pullback(const Tensor& grad_final, const std::vector<int64_t>& positions, const Pass& pass,
                 bool target_too) const override;
  AttentionWeights attention(const Pass& pass, const Tensor& rows) const override;
  void zero_values(const Sides& embeddings, const ValueZeroing& zeroing) const override;
  std::unique_ptr<Cache> start(const Tensor& source_ids, const Tensor& source_mask) const override;
  Tensor next_logits(const Tensor& ids, const Tensor& mask, Cache& cache) const override;
  int64_t pullback_bytes(int64_t source_tokens, int64_t tokens) const override;
  int64_t saved_bytes(int64_t source_tokens, int64_t tokens) const override;
  int64_t regime(int64_t) const override { return 0; }
  const ModelSizes& sizes() const override { return parts_.sizes; }
  at::ScalarType type() const override { return parts_.head.weight().scalar_type(); }
  at::Device device() const override { return parts_.head.weight().device(); }

 private:
  struct HalfContext;
  Tensor run(const HalfStack& half, const Tensor& embeddings, const HalfContext& context) const;
  Tensor pull_decoder(const Tensor& grad_final, const std::vector<int64_t>& positions,
                      const Kept& kept, bool target_too, Sides& out) const;
  Tensor pull_encoder(const Tensor& grad_encoded, int64_t steps, const Kept& kept) const;
  Tensor zero_half(const HalfStack& half, const Tensor& embeddings,
                   const std::vector<nn::CrossAttention::Source>* sources,
                   const ValueZeroing& zeroing) const;
  EncoderDecoderParts parts_;
};

}  // namespace inseq::models
