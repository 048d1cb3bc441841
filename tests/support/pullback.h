#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace inseq::test {

using at::Tensor;

/// Normal random numbers in float64, the same in every run.
Tensor randn64(const std::vector<int64_t>& shape);

/// Expects that `pullback` ([steps, ...output] -> [steps, ...input]) is what autograd of `forward`
/// gives for each of `steps` random gradients, to 1e-10 of the largest value.
void expect_pullback_matches_autograd(const std::function<Tensor(const Tensor&)>& forward,
                                      const std::function<Tensor(const Tensor&)>& pullback,
                                      const Tensor& x, int64_t steps);

}  // namespace inseq::test
