#pragma once
#include "nn/tensor.h"

namespace inseq::nn::kernels {

/// The inputs of a normalisation; see Norm for the formula.
struct NormForward {
  const Tensor& x;       // [..., hidden]
  const Tensor& weight;  // [hidden]
  const Tensor& bias;    // [hidden] or undefined
  double eps;
  bool centred;  // LayerNorm subtracts the mean, RmsNorm does not
};

/// What a normalisation makes: y and n of the shape and type of x, inv_std [..., 1], float32 or
/// wider.
struct NormResult {
  Tensor y, normed, inv_std;
};

/// In one pass over memory; normed and inv_std stay undefined unless they are kept. All are
/// undefined when there is no kernel for these devices, types or layouts; the caller then uses
/// plain tensor operations.
NormResult norm_forward(const NormForward& in, bool keep);

}  // namespace inseq::nn::kernels
