#pragma once
#include <memory>

#include "nn/kernels/packed_product.h"
#include "nn/tensor.h"

namespace inseq::nn {

/// An affine map: y = x Wᵀ + b.
class Linear {
 public:
  Linear() = default;
  /// weight: [out, in]; bias: [out], or undefined for none.
  Linear(Tensor weight, Tensor bias)
      : weight_(std::move(weight)),
        bias_(std::move(bias)),
        forward_(std::make_shared<kernels::PackedProduct>()),
        pullback_(std::make_shared<kernels::PackedProduct>()) {}

  /// [..., in] -> [..., out].
  Tensor forward(const Tensor& x) const;
  /// grad_y: [..., out] -> grad_x: [..., in]. Leading axes are folded into one matrix product.
  Tensor pullback(const Tensor& grad_y) const;
  /// grad_x += pullback(grad_y), in place. grad_y: [rows, out]; grad_x: [rows, in], of the map's
  /// type or wider.
  void add_pullback(const Tensor& grad_y, Tensor& grad_x) const;
  /// As pullback, for gradients that are non-zero only in the outputs [begin, begin + size):
  /// grad_y: [..., size].
  Tensor pullback_part(const Tensor& grad_y, int64_t begin, int64_t size) const;

  int64_t in_features() const { return weight_.size(1); }
  int64_t out_features() const { return weight_.size(0); }
  const Tensor& weight() const { return weight_; }

 private:
  Tensor weight_, bias_;
  std::shared_ptr<const kernels::PackedProduct> forward_, pullback_;
};

}  // namespace inseq::nn
