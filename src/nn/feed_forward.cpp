#include "nn/feed_forward.h"

#include "nn/kernels/scale_rows.h"

namespace inseq::nn {
namespace {

/// grad_inner: [rows, inner]; slopes: [batch, tokens, k * inner] -> [rows, k * inner]: each of the
/// k parts of a row of slopes times the row of gradients.
Tensor times_slopes(const Tensor& grad_inner, const FeedForward::Saved& saved, const Rows& rows) {
  Tensor fast = kernels::scale_rows(grad_inner, saved.slopes, rows.index);
  if (fast.defined()) return fast;
  return (grad_inner.unsqueeze(1) * rows.of(saved.slopes).unflatten(1, {-1, grad_inner.size(1)}))
      .flatten(1);
}

/// The factor that carries a gradient through an activation, by the rule in force. `from` is what
/// went into it at the reference, if there is one.
Tensor factor(const Activation& activation, const Tensor& x, const Tensor& from,
              const Reference& reference) {
  const bool rescale =
      from.defined() && (reference.every_function || activation.rescaled_by_captum());
  return rescale ? activation.secant(x, from) : activation.slope(x);
}

}  // namespace

Tensor PlainFeedForward::forward(const Tensor& x, Saved* saved, const Reference& reference) const {
  const Tensor inner = up_.forward(x);  // [batch, tokens, inner]
  if (saved != nullptr) saved->slopes = factor(activation_, inner, reference.inner, reference);
  return down_.forward(activation_.value(inner));
}

Tensor PlainFeedForward::pullback(const Tensor& grad_y, const Saved& saved,
                                  const Rows& rows) const {
  return up_.pullback(times_slopes(down_.pullback(grad_y), saved, rows));
}

Tensor GatedFeedForward::forward(const Tensor& x, Saved* saved, const Reference& reference) const {
  const std::vector<Tensor> parts = gate_up_.forward(x).chunk(2, -1);  // 2 x [batch, tokens, inner]
  const Tensor opened = activation_.value(parts[0]);
  if (saved != nullptr) {
    Tensor gate_from, of_gate = parts[1], of_up = opened;
    if (reference.inner.defined()) {
      const std::vector<Tensor> from = reference.inner.chunk(2, -1);
      gate_from = from[0];
      if (reference.every_function) {
        // With means of both ends as factors the changes of a product's two sides add up to its
        // own.
        of_gate = (parts[1] + from[1]) / 2;
        of_up = (opened + activation_.value(from[0])) / 2;
      }
    }
    saved->slopes =
        at::cat({of_gate * factor(activation_, parts[0], gate_from, reference), of_up}, -1);
  }
  return down_.forward(opened * parts[1]);
}

Tensor GatedFeedForward::pullback(const Tensor& grad_y, const Saved& saved,
                                  const Rows& rows) const {
  return gate_up_.pullback(times_slopes(down_.pullback(grad_y), saved, rows));
}

}  // namespace inseq::nn
