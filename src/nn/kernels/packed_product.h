#pragma once
#include <mutex>

#include "nn/tensor.h"

namespace inseq::nn::kernels {

/// A copy of a weight in the order in which oneDNN's products read it. On thin inputs packing costs
/// more than multiplying, so it is done once. The copy is made by the first product; there is none
/// on other devices, for other types than float32 and bfloat16, for small weights, where this
/// LibTorch has no such kernel, and when copies would take more than a quarter of the memory that
/// was free at first.
class PackedProduct {
 public:
  PackedProduct() = default;
  PackedProduct(const PackedProduct&) = delete;
  PackedProduct& operator=(const PackedProduct&) = delete;
  ~PackedProduct();

  /// x Wᵀ + bias. x: [..., in]; weight: [out, in], the same at every call; bias: [out] or
  /// undefined. Returns an undefined tensor where there is no packed copy.
  Tensor operator()(const Tensor& x, const Tensor& weight, const Tensor& bias) const;

 private:
  mutable std::once_flag once_;
  mutable Tensor packed_;
};

}  // namespace inseq::nn::kernels
