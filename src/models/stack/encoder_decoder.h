#pragma once
#include "models/stack/layer_stack.h"

namespace inseq::models {

/// What an architecture file assembles.
struct EncoderDecoderParts {
  ModelSizes sizes;
  LayerStack::Parts encoder, decoder;
  nn::Linear head;           // hidden -> vocab
  double logit_scale = 1.0;  ///< of the final hidden states, before the head
};

/// A sequence-to-sequence model: an encoder that reads the source, and a decoder that sees the
/// target so far and, by cross-attention, what the encoder made of the source.
class EncoderDecoder final : public LanguageModel {
 public:
  struct Kept : Pass {
    LayerStack::Saved encoder, decoder;
  };
  struct Keys : Cache {
    std::vector<nn::KeyValueCache> layers;
    std::vector<nn::CrossAttention::Source> sources;  // one per decoder layer
    Tensor source_of;  // [batch] int64 on the CPU: which of the distinct sources an entry reads
    void reorder(const Tensor& rows) override;
  };

  explicit EncoderDecoder(EncoderDecoderParts parts);

  std::vector<std::pair<std::string, Tap>> taps() const override;
  Sides at_tap(const Tap& tap, const Sides& embeddings, int64_t length) const override;
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
  int64_t regime(int64_t length) const override { return decoder_.regime(length); }
  const ModelSizes& sizes() const override { return sizes_; }
  at::ScalarType type() const override { return decoder_.type(); }
  at::Device device() const override { return decoder_.device(); }

 private:
  std::vector<LayerStack::Source> sources_of(const Tensor& encoded, const Tensor& padding) const;
  LayerStack encoder_, decoder_;
  nn::Linear head_;
  double logit_scale_;
  ModelSizes sizes_;
};

}  // namespace inseq::models
