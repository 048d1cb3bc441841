#include "nn/feed_forward.h"

#include "nn/kernels/scale_rows.h"

namespace inseq::nn {
namespace {

/// grad_inner: [rows, inner]; slopes: [batch, tokens, k * inner] -> [rows, k * inner]: each of the
/// k parts of a row of slopes times the row of gradients.
Tensor times_slopes(const Tensor& grad_inner, const FeedForward::Saved& saved, const Rows& rows) {
  const Tensor fast = kernels::scale_rows(grad_inner, saved.slopes, rows.index);
  if (fast.defined()) return fast;
  return (grad_inner.unsqueeze(1) * rows.of(saved.slopes).unflatten(1, {-1, grad_inner.size(1)}))
      .flatten(1);
}

}  // namespace

Tensor PlainFeedForward::forward(const Tensor& x, Saved* saved) const {
  const Tensor inner = up_.forward(x);  // [batch, tokens, inner]
  if (saved != nullptr) saved->slopes = activation_.slope(inner);
  return down_.forward(activation_.value(inner));
}

Tensor PlainFeedForward::pullback(const Tensor& grad_y, const Saved& saved,
                                  const Rows& rows) const {
  return up_.pullback(times_slopes(down_.pullback(grad_y), saved, rows));
}

Tensor GatedFeedForward::forward(const Tensor& x, Saved* saved) const {
  const std::vector<Tensor> parts = gate_up_.forward(x).chunk(2, -1);  // 2 x [batch, tokens, inner]
  const Tensor opened = activation_.value(parts[0]);
  if (saved != nullptr) {
    saved->slopes = at::cat({parts[1] * activation_.slope(parts[0]), opened}, -1);
  }
  return down_.forward(opened * parts[1]);
}

Tensor GatedFeedForward::pullback(const Tensor& grad_y, const Saved& saved,
                                  const Rows& rows) const {
  return gate_up_.pullback(times_slopes(down_.pullback(grad_y), saved, rows));
}

}  // namespace inseq::nn
