#pragma once
#include "nn/tensor.h"

namespace inseq::nn::kernels {

/// The inputs of a normalisation's pullback; see Norm for the formula.
struct NormPullback {
  const Tensor& grad_y;   // [rows, hidden]
  const Tensor& normed;   // [batch, tokens, hidden]
  const Tensor& inv_std;  // [batch, tokens, 1]
  const Tensor& weight;   // [hidden]
  const Tensor& index;    // [rows] int64, rows of normed and inv_std
  bool centred;           // LayerNorm subtracts the mean, RmsNorm does not
};

/// residual += pullback in one pass over memory. Returns false, having done nothing, when there is
/// no kernel for these devices, types or layouts; the caller then uses plain tensor operations.
bool add_norm_pullback(const NormPullback& in, Tensor& residual);

}  // namespace inseq::nn::kernels
