#pragma once
#include <ATen/core/Tensor.h>

namespace inseq {
using Tensor = at::Tensor;
}

namespace inseq::nn {

/// x in float32 unless it is wider: normalisation statistics, attention scores and the residual
/// gradient keep this precision in half-precision models, as in transformers.
Tensor widened(const Tensor& x);

/// Whether autograd follows what is done with x; kernels of our own are unknown to it.
bool recorded(const Tensor& x);

}  // namespace inseq::nn
