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
  return after_feed_forward(attended(x, context, saved, attention, cache),
                            saved ? &saved->feed_forward_norm : nullptr,
                            saved ? &saved->feed_forward : nullptr, reference);
}

Tensor DecoderLayer::after_feed_forward(const Tensor& between, nn::Norm::Saved* norm,
                                        nn::FeedForward::Saved* saved,
                                        const nn::Reference& reference) const {
  const Tensor normed = parts_.feed_forward_norm->forward(between, norm);
  return between + parts_.feed_forward->forward(normed, saved, reference);
}

Tensor DecoderLayer::forward_as_reference(const Tensor& x, const nn::AttentionContext& context,
                                          Saved& saved) const {
  const Tensor between = attended(x, context, nullptr, nullptr, nullptr);
  saved.feed_forward.inner = inner_of(between);
  return after_feed_forward(between);
}

void DecoderLayer::pullback(ResidualGradient& grad, const Saved& saved,
                            const nn::Rows& rows) const {
  pullback_feed_forward(grad, saved, rows);
  const Tensor attended = parts_.attention->pullback(grad.narrow(), saved.attention, rows);
  parts_.attention_norm->add_pullback(attended, saved.attention_norm, rows, grad.wide);
}

void DecoderLayer::pullback_feed_forward(ResidualGradient& grad, const Saved& saved,
                                         const nn::Rows& rows) const {
  const Tensor inner = parts_.feed_forward->pullback(grad.narrow(), saved.feed_forward, rows);
  parts_.feed_forward_norm->add_pullback(inner, saved.feed_forward_norm, rows, grad.wide);
}

void DecoderLayer::pullback_of_last(ResidualGradient& grad, const Saved& saved, const nn::Rows& own,
                                    const nn::Rows& rows) const {
  pullback_feed_forward(grad, saved, own);
  const Tensor attended = parts_.attention->pullback_of_last(grad.narrow(), saved.attention, rows);
  // The residual path leads from each step's own position to itself.
  grad.spread(rows);
  parts_.attention_norm->add_pullback(attended, saved.attention_norm, rows, grad.wide);
}

void ResidualGradient::spread(const nn::Rows& rows) {
  const Tensor full = at::zeros({rows.count(), wide.size(1)}, wide.options());
  wide = full.index_copy_(0, rows.last().to(full.device()), wide);
}

}  // namespace inseq::models
