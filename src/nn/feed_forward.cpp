#include "nn/feed_forward.h"

namespace inseq::nn {

Tensor PlainFeedForward::forward(const Tensor& x, Saved* saved) const {
  const Tensor inner = up_.forward(x);  // [batch, tokens, inner]
  if (saved != nullptr) saved->slopes = activation_.slope(inner);
  return down_.forward(activation_.value(inner));
}

Tensor PlainFeedForward::pullback(const Tensor& grad_y, const Saved& saved) const {
  Tensor grad_inner = down_.pullback(grad_y);  // [steps, batch, tokens, inner]
  return up_.pullback(grad_inner.mul_(saved.slopes));
}

Tensor GatedFeedForward::forward(const Tensor& x, Saved* saved) const {
  const std::vector<Tensor> parts = gate_up_.forward(x).chunk(2, -1);  // 2 x [batch, tokens, inner]
  const Tensor opened = activation_.value(parts[0]);
  if (saved != nullptr) {
    saved->slopes = at::cat({parts[1] * activation_.slope(parts[0]), opened}, -1);
  }
  return down_.forward(opened * parts[1]);
}

Tensor GatedFeedForward::pullback(const Tensor& grad_y, const Saved& saved) const {
  const Tensor grad_inner = down_.pullback(grad_y).unsqueeze(-2);  // [steps, batch, tokens, 1, inner]
  const Tensor slopes = saved.slopes.unflatten(-1, {2, -1});       // [batch, tokens, 2, inner]
  return gate_up_.pullback((grad_inner * slopes).flatten(-2));
}

}  // namespace inseq::nn
