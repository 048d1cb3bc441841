#include "models/stack/decoder_layer.h"

namespace inseq::models {

DecoderLayer::Saved DecoderLayer::Saved::first_tokens(int64_t tokens) const {
  return {attention_norm.first_tokens(tokens), attention.first_tokens(tokens),
          feed_forward_norm.first_tokens(tokens), feed_forward.first_tokens(tokens)};
}

Tensor DecoderLayer::forward(const Tensor& x, const nn::AttentionContext& context, Saved* saved,
                             nn::KeyValueCache* cache) const {
  const Tensor normed = parts_.attention_norm->forward(x, saved ? &saved->attention_norm : nullptr);
  const Tensor between =
      x + parts_.attention->forward(normed, context, saved ? &saved->attention : nullptr, cache);
  const Tensor again =
      parts_.feed_forward_norm->forward(between, saved ? &saved->feed_forward_norm : nullptr);
  return between + parts_.feed_forward->forward(again, saved ? &saved->feed_forward : nullptr);
}

void DecoderLayer::pullback(ResidualGradient& grad, const Saved& saved, at::ScalarType type) const {
  const Tensor inner = parts_.feed_forward->pullback(grad.narrow(type), saved.feed_forward);
  parts_.feed_forward_norm->add_pullback(inner, saved.feed_forward_norm, grad.wide);
  const Tensor attended = parts_.attention->pullback(grad.narrow(type), saved.attention);
  parts_.attention_norm->add_pullback(attended, saved.attention_norm, grad.wide);
}

void DecoderLayer::pullback_at(ResidualGradient& grad, const Tensor& positions, const Saved& saved,
                               at::ScalarType type) const {
  const Tensor inner =
      parts_.feed_forward->pullback(grad.narrow(type), saved.feed_forward.rows_of_steps(positions));
  parts_.feed_forward_norm->add_pullback(inner, saved.feed_forward_norm.rows_of_steps(positions),
                                         grad.wide);
  const Tensor attended =
      parts_.attention->pullback_at(grad.narrow(type), positions, saved.attention);
  // The residual path leads from each step's own position to itself.
  std::vector<int64_t> shape = attended.sizes().vec();
  Tensor full = at::zeros(shape, grad.wide.options());
  const Tensor index = positions.view({-1, 1, 1, 1}).expand_as(grad.wide);
  full.scatter_(2, index, grad.wide);
  parts_.attention_norm->add_pullback(attended, saved.attention_norm, full);
  grad.wide = full;
}

}  // namespace inseq::models
