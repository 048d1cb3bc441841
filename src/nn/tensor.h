#pragma once
#include <ATen/core/Tensor.h>

namespace inseq {
using Tensor = at::Tensor;
}

namespace inseq::nn {

/// The first `tokens` entries of axis -2, where activations keep their tokens: a view.
inline Tensor first_tokens(const Tensor& x, int64_t tokens) {
  return x.defined() ? x.narrow(-2, 0, tokens) : x;
}

/// One row of axis -2 for each step: [batch, tokens, n] -> [steps, batch, 1, n]. What was saved by a
/// forward pass then lines up with gradients that have a single token per step.
Tensor rows_of_steps(const Tensor& x, const Tensor& positions);

}  // namespace inseq::nn
