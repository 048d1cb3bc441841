#pragma once
#include "nn/tensor.h"

namespace inseq::nn::kernels {

/// Heads that lie side by side in a projection, one after the other, rotated where there are tables
/// (see rotate), in one pass over memory.
struct HeadSplit {
  const Tensor& x;                 // [batch, tokens, units]
  int64_t first, heads, head_dim;  // which heads, of all that x holds
  const Tensor& cos;               // [tokens, half] or [batch, tokens, half], or undefined
  const Tensor& sin;
};

/// [batch, heads, tokens, head_dim], contiguous, float32 or wider. Undefined when there is no
/// kernel for these devices, types or layouts; the caller then uses plain tensor operations.
Tensor split_heads(const HeadSplit& in);

}  // namespace inseq::nn::kernels
