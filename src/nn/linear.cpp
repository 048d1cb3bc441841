#include "nn/linear.h"

namespace inseq::nn {

Tensor Linear::forward(const Tensor& x) const {
  if (!recorded(x) && x.scalar_type() == weight_.scalar_type()) {
    Tensor fast = (*forward_)(x, weight_, bias_);
    if (fast.defined()) return fast;
  }
  return at::linear(x, weight_, bias_.defined() ? std::optional<Tensor>(bias_) : std::nullopt);
}

Tensor Linear::pullback(const Tensor& grad_y) const {
  Tensor fast = (*pullback_)(grad_y, weight_.t(), Tensor());
  if (fast.defined()) return fast;
  return pullback_part(grad_y, 0, out_features());
}

void Linear::add_pullback(const Tensor& grad_y, Tensor& grad_x) const {
  grad_x.add_(pullback(grad_y));
}

Tensor Linear::pullback_part(const Tensor& grad_y, int64_t begin, int64_t size) const {
  std::vector<int64_t> shape = grad_y.sizes().vec();
  shape.back() = in_features();
  return grad_y.reshape({-1, size}).mm(weight_.narrow(0, begin, size)).view(shape);
}

}  // namespace inseq::nn
