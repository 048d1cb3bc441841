#include "models/stack/decoder_only.h"

namespace inseq::models {

Tensor DecoderOnly::embed(const Tensor& ids) const {
  return at::embedding(parts_.token_embeddings, ids.to(device()));
}

Tensor DecoderOnly::add_positions(const Tensor& embeddings, const Tensor& positions) const {
  if (!parts_.position_embeddings.defined()) return embeddings;
  return embeddings + at::embedding(parts_.position_embeddings, positions);
}

Tensor DecoderOnly::forward(const Tensor& embeddings, Saved* saved, int64_t length) const {
  const int64_t tokens = embeddings.size(1);
  const Tensor positions = at::arange(tokens, embeddings.options().dtype(at::kLong));
  nn::AttentionContext context;
  if (parts_.rotary) {
    context.rotary = parts_.rotary->table(positions, length > 0 ? length : tokens, wide_type());
  }
  if (saved != nullptr) {
    saved->layers.resize(parts_.layers.size());
    saved->tokens = tokens;
  }
  Tensor x = add_positions(embeddings, positions);
  for (size_t i = 0; i < parts_.layers.size(); ++i) {
    x = parts_.layers[i].forward(x, context, saved ? &saved->layers[i] : nullptr);
  }
  return parts_.final_norm->forward(x, saved ? &saved->final_norm : nullptr);
}

Tensor DecoderOnly::next_logits(const Tensor& ids, const Tensor& mask, Cache& cache) const {
  cache.resize(parts_.layers.size());
  const Tensor seen = mask.to(device(), at::kLong);
  const int64_t fresh = ids.size(1), total = seen.size(1);
  // Positions count real tokens; what padding gets does not matter, as nobody sees it.
  const Tensor positions = (seen.cumsum(1) - 1).clamp_min(0).narrow(1, total - fresh, fresh);
  nn::AttentionContext context;
  if (parts_.rotary) {
    context.rotary =
        parts_.rotary->table(positions, positions.max().item<int64_t>() + 1, wide_type());
  }
  const Tensor padding = seen.eq(0);
  if (padding.any().item<bool>()) context.padding = padding;
  Tensor x = add_positions(embed(ids), positions);
  for (size_t i = 0; i < parts_.layers.size(); ++i) {
    x = parts_.layers[i].forward(x, context, nullptr, &cache[i]);
  }
  return logits(parts_.final_norm->forward(x.narrow(1, fresh - 1, 1))).squeeze(1);
}

Tensor DecoderOnly::logits(const Tensor& final_hidden) const {
  return parts_.head.forward(final_hidden).to(wide_type());
}

Tensor DecoderOnly::logits_pullback(const Tensor& grad_logits) const {
  return parts_.head.pullback(grad_logits.to(type()));
}

Tensor DecoderOnly::pullback(const Tensor& grad_final, const std::vector<int64_t>& positions,
                             const Saved& saved) const {
  const int64_t batch = grad_final.size(1);
  const nn::Rows own = nn::Rows::own(positions, batch, saved.tokens);
  const nn::Rows rows = nn::Rows::prefixes(positions, batch, saved.tokens);
  ResidualGradient grad{
      parts_.final_norm->pullback(grad_final.flatten(0, 1), saved.final_norm, own), type()};
  for (size_t i = parts_.layers.size(); i-- > 0;) {
    if (i + 1 == parts_.layers.size()) {
      parts_.layers[i].pullback_of_last(grad, saved.layers[i], own, rows);
    } else {
      parts_.layers[i].pullback(grad, saved.layers[i], rows);
    }
  }
  return rows.padded(grad.wide).unflatten(0, {-1, batch});
}

Tensor DecoderOnly::attention_weights(const Saved& saved, const Tensor& rows) const {
  std::vector<Tensor> layers;
  for (size_t i = 0; i < parts_.layers.size(); ++i) {
    layers.push_back(parts_.layers[i].attention().weights(saved.layers[i].attention, rows));
  }
  return at::stack(layers);
}

int64_t DecoderOnly::pullback_bytes(int64_t tokens) const {
  const auto& s = parts_.sizes;
  const int64_t inner = parts_.layers.front().feed_forward().inner_units();
  const int64_t element = at::elementSize(type()), wide = at::elementSize(wide_type());
  const int64_t qkv = (s.heads + 2 * s.kv_heads) * s.head_dim;
  // Residual gradient and its copy in the model's type, the largest of feed-forward and attention
  // temporaries, and (on devices without the tiled kernel) three sets of attention weights.
  int64_t per_token =
      s.hidden * (wide + 2 * element) + std::max(inner, s.heads * s.head_dim + qkv) * element;
  if (device().is_cuda()) per_token += 3 * s.heads * tokens * wide;
  return tokens * per_token;
}

int64_t DecoderOnly::saved_bytes(int64_t tokens) const {
  const auto& s = parts_.sizes;
  const int64_t inner = parts_.layers.front().feed_forward().inner_units();
  const int64_t element = at::elementSize(type()), wide = at::elementSize(wide_type());
  const int64_t qkv = (s.heads + 2 * s.kv_heads) * s.head_dim;
  return tokens * s.layers * (2 * s.hidden * element + 2 * wide + qkv * wide + inner * element) +
         3 * tokens * s.hidden * element;
}

}  // namespace inseq::models
