#pragma once
#include "models/stack/layer_stack.h"

namespace inseq::models {

/// Sizes of a decoder-only model.
struct DecoderOnlySizes {
  int64_t vocab = 0, hidden = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0;
};

/// What an architecture file assembles.
struct DecoderOnlyParts {
  DecoderOnlySizes sizes;
  LayerStack::Parts decoder;
  nn::Linear head;  // hidden -> vocab
};

/// A causal language model: one stack of layers and a head.
class DecoderOnly final : public LanguageModel {
 public:
  struct Kept : Pass {
    LayerStack::Saved decoder;
  };
  struct Keys : Cache {
    std::vector<nn::KeyValueCache> layers;
    void reorder(const Tensor& rows) override;
  };

  explicit DecoderOnly(DecoderOnlyParts parts);

  std::vector<std::pair<std::string, Tap>> taps() const override { return decoder_.taps(); }
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
  DecoderOnlySizes decoder_sizes_;
  LayerStack decoder_;
  nn::Linear head_;
  ModelSizes sizes_;
};

}  // namespace inseq::models
