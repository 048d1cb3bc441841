#include "models/stack/decoder_only.h"

namespace inseq::models {

DecoderOnly::DecoderOnly(DecoderOnlyParts parts)
    : decoder_sizes_(parts.sizes),
      decoder_(std::move(parts.decoder)),
      head_(std::move(parts.head)),
      sizes_{.vocab = parts.sizes.vocab,
             .hidden = parts.sizes.hidden,
             .layers = parts.sizes.layers,
             .heads = parts.sizes.heads,
             .max_positions = decoder_.input().limit()} {}

void DecoderOnly::Keys::reorder(const Tensor& rows) {
  for (nn::KeyValueCache& layer : layers) layer.reorder(rows);
}

Sides DecoderOnly::embed(const Sides& ids) const {
  return {Tensor(), decoder_.input().embed(ids.target)};
}

Sides DecoderOnly::at_tap(const Tap& tap, const Sides& embeddings, int64_t length) const {
  const Tensor& x = embeddings.target;
  return {Tensor(), decoder_.at_tap(tap, x, LayerStack::View::all(x, length)).output};
}

std::unique_ptr<LanguageModel::Pass> DecoderOnly::forward(const Sides& embeddings,
                                                          const PassOptions& options) const {
  auto pass = std::make_unique<Kept>();
  const auto* reference = static_cast<const Kept*>(options.reference);
  const auto view = LayerStack::View::all(embeddings.target, options.length);
  LayerStack::Run run{.keep = options.keep,
                      .saved = &pass->decoder,
                      .reference = reference ? &reference->decoder : nullptr,
                      .every_function = options.every_function,
                      .tap = options.tap};
  if (options.tap != nullptr)
    run.stream = decoder_.stream_at(*options.tap, options.base->target, view);
  pass->final_hidden = decoder_.forward(embeddings.target, view, run);
  return pass;
}

std::unique_ptr<LanguageModel::Pass> DecoderOnly::forward_on(const Pass& prefix, int64_t from,
                                                             const Tensor& target,
                                                             const PassOptions& options) const {
  auto pass = std::make_unique<Kept>();
  pass->from = from;
  pass->final_hidden =
      decoder_.forward_on(static_cast<const Kept&>(prefix).decoder, from, target, options.length,
                          {.keep = options.keep, .saved = &pass->decoder});
  return pass;
}

std::unique_ptr<LanguageModel::Cache> DecoderOnly::start(const Tensor&, const Tensor&) const {
  auto cache = std::make_unique<Keys>();
  cache->layers.resize(decoder_.layers().size());
  return cache;
}

Tensor DecoderOnly::next_logits(const Tensor& ids, const Tensor& mask, Cache& given) const {
  auto& cache = static_cast<Keys&>(given);
  const auto [positions, padding] = seen_tokens(mask, ids.size(1), device());
  const Tensor hidden = decoder_.forward(
      decoder_.input().embed(ids),
      {.positions = positions, .padding = padding, .caches = &cache.layers}, {.last_rows = 1});
  return logits(hidden).squeeze(1);
}

Tensor DecoderOnly::logits(const Tensor& final_hidden) const {
  return head_.forward(final_hidden).to(wide_type(type()));
}

Tensor DecoderOnly::logits_pullback(const Tensor& grad_logits) const {
  return head_.pullback(grad_logits.to(type()));
}

Sides DecoderOnly::pullback(const Tensor& grad_final, const std::vector<int64_t>& positions,
                            const Pass& pass, bool) const {
  Tensor no_source;
  return {Tensor(), decoder_.pullback(grad_final, positions, static_cast<const Kept&>(pass).decoder,
                                      no_source, LayerStack::Reach::kStart)};
}

AttentionWeights DecoderOnly::attention(const Pass& pass, const Tensor& rows) const {
  const LayerStack::Saved& kept = static_cast<const Kept&>(pass).decoder;
  return {
      .decoder = decoder_.attention(Block::kSelfAttention, kept, rows), .cross = {}, .encoder = {}};
}

void DecoderOnly::zero_values(const Sides& embeddings, const ValueZeroing& zeroing) const {
  const Tensor& x = embeddings.target;
  decoder_.zero_values(x, LayerStack::View::all(x), zeroing);
}

int64_t DecoderOnly::pullback_bytes(int64_t, int64_t tokens) const {
  const DecoderOnlySizes& s = decoder_sizes_;
  const int64_t inner = decoder_.layers().front().feed_forward().inner_units();
  const int64_t element = element_bytes(type()), wide = element_bytes(wide_type(type()));
  const int64_t qkv = (s.heads + 2 * s.kv_heads) * s.head_dim;
  // Residual gradient and its copy in the model's type, the largest of feed-forward and attention
  // temporaries, and (on devices without the tiled kernel) three sets of attention weights.
  int64_t per_token =
      s.hidden * (wide + 2 * element) + std::max(inner, s.heads * s.head_dim + qkv) * element;
  if (device().is_cuda()) per_token += 3 * s.heads * tokens * wide;
  return tokens * per_token;
}

int64_t DecoderOnly::saved_bytes(int64_t, int64_t tokens) const {
  const DecoderOnlySizes& s = decoder_sizes_;
  const int64_t inner = decoder_.layers().front().feed_forward().inner_units();
  const int64_t element = element_bytes(type()), wide = element_bytes(wide_type(type()));
  const int64_t qkv = (s.heads + 2 * s.kv_heads) * s.head_dim;
  return tokens * s.layers * (2 * s.hidden * element + 2 * wide + qkv * wide + inner * element) +
         3 * tokens * s.hidden * element;
}

}  // namespace inseq::models
