#include "models/stack/decoder_layer.h"

namespace inseq::models {

Tensor DecoderLayer::attended(const Tensor& x, const nn::AttentionContext& context, Saved* saved,
                              nn::SelfAttention::Saved* attention, nn::KeyValueCache* cache) const {
  const Tensor normed = parts_.attention_norm->forward(x, saved ? &saved->attention_norm : nullptr);
  return x + parts_.attention->forward(normed, context, attention, cache);
}

Tensor DecoderLayer::forward(const Tensor& x, const nn::AttentionContext& context, Saved* saved,
                             nn::SelfAttention::Saved* attention, nn::KeyValueCache* cache,
                             const nn::Reference& reference) const {
  const Tensor between = attended(x, context, saved, attention, cache);
  const Tensor normed =
      parts_.feed_forward_norm->forward(between, saved ? &saved->feed_forward_norm : nullptr);
  return between +
         parts_.feed_forward->forward(normed, saved ? &saved->feed_forward : nullptr, reference);
}

Tensor DecoderLayer::after_feed_forward(const Tensor& between) const {
  return between + parts_.feed_forward->forward(parts_.feed_forward_norm->forward(between));
}

Tensor DecoderLayer::forward_as_reference(const Tensor& x, const nn::AttentionContext& context,
                                          Saved& saved) const {
  const Tensor between = attended(x, context, nullptr, nullptr, nullptr);
  const Tensor normed = parts_.feed_forward_norm->forward(between);
  saved.feed_forward.inner = parts_.feed_forward->inner(normed);
  return between + parts_.feed_forward->forward(normed);
}

void DecoderLayer::pullback(ResidualGradient& grad, const Saved& saved,
                            const nn::Rows& rows) const {
  const Tensor inner = parts_.feed_forward->pullback(grad.narrow(), saved.feed_forward, rows);
  parts_.feed_forward_norm->add_pullback(inner, saved.feed_forward_norm, rows, grad.wide);
  const Tensor attended = parts_.attention->pullback(grad.narrow(), saved.attention, rows);
  parts_.attention_norm->add_pullback(attended, saved.attention_norm, rows, grad.wide);
}

void DecoderLayer::pullback_of_last(ResidualGradient& grad, const Saved& saved, const nn::Rows& own,
                                    const nn::Rows& rows) const {
  const Tensor inner = parts_.feed_forward->pullback(grad.narrow(), saved.feed_forward, own);
  parts_.feed_forward_norm->add_pullback(inner, saved.feed_forward_norm, own, grad.wide);
  const Tensor attended = parts_.attention->pullback_of_last(grad.narrow(), saved.attention, rows);
  // The residual path leads from each step's own position to itself.
  Tensor full = at::zeros({rows.count(), grad.wide.size(1)}, grad.wide.options());
  full.index_copy_(0, rows.last().to(full.device()), grad.wide);
  parts_.attention_norm->add_pullback(attended, saved.attention_norm, rows, full);
  grad.wide = full;
}

}  // namespace inseq::models
