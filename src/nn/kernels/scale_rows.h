#pragma once
#include "nn/tensor.h"

namespace inseq::nn::kernels {

/// out[r, j * units + i] = x[r, i] * factors[index[r], j * units + i], in one pass over memory. x:
/// [rows, units]; factors: [batch, tokens, k * units]; index: [rows] int64. Undefined when there is
/// no kernel for these devices, types or layouts; the caller then uses plain tensor operations.
Tensor scale_rows(const Tensor& x, const Tensor& factors, const Tensor& index);

}  // namespace inseq::nn::kernels
