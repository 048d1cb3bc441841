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
  /// (value(x) - value(from)) / (x - from), and the slope where the two are the same: DeepLIFT's
  /// rescale rule (Shrikumar et al. 2017).
  Tensor secant(const Tensor& x, const Tensor& from) const;
  /// Whether transformers computes it by a module that Captum's DeepLIFT knows; to that, the others
  /// are ordinary functions.
  bool rescaled_by_captum() const { return rescaled_by_captum_; }

 private:
  Tensor (*function_)(const Tensor&);
  bool rescaled_by_captum_;
};

}  // namespace inseq::nn
