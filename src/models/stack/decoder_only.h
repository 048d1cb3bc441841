#pragma once
#include <optional>

#include "models/stack/decoder_layer.h"
#include "models/stack/language_model.h"

namespace inseq::models {

/// Sizes of a decoder-only model.
struct DecoderOnlySizes {
  int64_t vocab = 0, hidden = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0;
  std::optional<int64_t>
      max_positions;  ///< longest text in tokens; absent when positions have no table
};

/// How transformers names the modules that a pass may be tapped at.
struct LayerNames {
  std::string layers;                     ///< "model.layers.", before a layer's number
  std::vector<std::string> attention;     ///< ".self_attn", ".self_attn.o_proj"
  std::vector<std::string> feed_forward;  ///< ".mlp", ".mlp.down_proj"
};

/// What an architecture file assembles.
struct DecoderOnlyParts {
  DecoderOnlySizes sizes;
  Tensor token_embeddings;                        // [vocab, hidden]
  Tensor position_embeddings;                     // [positions, hidden], or undefined
  std::unique_ptr<nn::RotaryFrequencies> rotary;  // or null
  std::vector<DecoderLayer> layers;
  std::unique_ptr<nn::Norm> final_norm;
  nn::Linear head;  // hidden -> vocab
  LayerNames names = {};
};

/// A causal language model: token (and position) embeddings, pre-norm layers, a final norm and a
/// head.
class DecoderOnly final : public LanguageModel {
 public:
  struct Kept : Pass {
    std::vector<DecoderLayer::Saved> layers;
    nn::Norm::Saved final_norm;
    int64_t tokens = 0;
    std::optional<Tap> tap = {};  // where the pass began
  };
  struct Keys : Cache {
    std::vector<nn::KeyValueCache> layers;
    void reorder(const Tensor& rows) override;
  };

  explicit DecoderOnly(DecoderOnlyParts parts);

  std::vector<std::pair<std::string, Tap>> taps() const override;
  Tensor value_at(const Tap& tap, const Sides& embeddings, int64_t length) const override;
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
  int64_t regime(int64_t length) const override {
    return parts_.rotary ? parts_.rotary->regime(length) : 0;
  }
  const ModelSizes& sizes() const override { return sizes_; }
  at::ScalarType type() const override { return parts_.token_embeddings.scalar_type(); }
  at::Device device() const override { return parts_.token_embeddings.device(); }

 private:
  Tensor add_positions(const Tensor& embeddings, const Tensor& positions) const;
  /// How tokens at these positions see each other in a text of `length` tokens (0: as long as it
  /// is).
  nn::AttentionContext context_of(const Tensor& positions, int64_t length) const;
  /// The residual stream of a text where a place adds its output: before and after that.
  std::pair<Tensor, Tensor> around(const Tap& tap, const Tensor& embeddings,
                                   const nn::AttentionContext& context) const;
  /// The residual stream behind a tap: what a tapped pass goes on with.
  Tensor behind(const PassOptions& options, const Tensor& tapped, Kept& pass,
                const nn::AttentionContext& context) const;
  DecoderOnlyParts parts_;
  ModelSizes sizes_;
};

}  // namespace inseq::models
