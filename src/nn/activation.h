#pragma once
#include <string>

#include "nn/tensor.h"

namespace inseq::nn {

/// An element-wise non-linearity.
class Activation {
 public:
  /// By the name transformers uses in config.json ("silu", "gelu_new", …). Throws Unsupported for
  /// another name.
  explicit Activation(const std::string& name);

  Tensor value(const Tensor& x) const { return function_(x); }
  /// d value / d x, element by element, from autograd of `value`.
  Tensor slope(const Tensor& x) const;

 private:
  Tensor (*function_)(const Tensor&);
};

}  // namespace inseq::nn
