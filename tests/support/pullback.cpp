#include "support/pullback.h"

#include <gtest/gtest.h>

namespace inseq::test {

Tensor randn64(const std::vector<int64_t>& shape) {
  static at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(20230701);
  return at::randn(shape, generator, at::TensorOptions(at::kDouble));
}

void expect_pullback_matches_autograd(const std::function<Tensor(const Tensor&)>& forward,
                                      const std::function<Tensor(const Tensor&)>& pullback,
                                      const Tensor& x, int64_t steps) {
  const Tensor leaf = x.detach().requires_grad_();
  const Tensor y = forward(leaf);
  std::vector<int64_t> shape = y.sizes().vec();
  shape.insert(shape.begin(), steps);
  const Tensor grad_y = randn64(shape);
  const Tensor grad_x = pullback(grad_y);
  ASSERT_EQ(grad_x.size(0), steps);
  for (int64_t s = 0; s < steps; ++s) {
    const Tensor expected =
        torch::autograd::grad({y}, {leaf}, {grad_y[s]}, /*retain_graph=*/true)[0];
    ASSERT_EQ(grad_x[s].sizes(), expected.sizes());
    const double error = (grad_x[s] - expected).abs().max().item<double>();
    EXPECT_LE(error, 1e-10 * std::max(1.0, expected.abs().max().item<double>())) << "step " << s;
  }
}

}  // namespace inseq::test
