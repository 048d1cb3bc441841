#include "nn/kernels/packed_product.h"

#include <gtest/gtest.h>

#include "nn/linear.h"

namespace inseq::nn {
namespace {

/// Largest difference relative to the largest value.
double error(const Tensor& found, const Tensor& expected) {
  return ((found.to(at::kDouble) - expected).abs().max() / expected.abs().max()).item<double>();
}

TEST(PackedProduct, EqualsThePlainProduct) {
  const at::NoGradGuard no_grad;
  for (const auto& [type, bound] : {std::pair{at::kFloat, 1e-6}, std::pair{at::kBFloat16, 1e-2},
                                    std::pair{at::kDouble, 1e-14}}) {
    for (const int64_t rows : {1, 7, 46, 600}) {
      const Tensor x = at::randn({2, rows, 190}).to(type), w = at::randn({131, 190}).to(type);
      const Tensor b = at::randn({131}).to(type), g = at::randn({rows, 131}).to(type);
      const Linear linear(w, b);
      for (int again = 0; again < 2; ++again) {  // the first product packs
        EXPECT_LE(error(linear.forward(x),
                        at::linear(x.to(at::kDouble), w.to(at::kDouble), b.to(at::kDouble))),
                  bound);
        EXPECT_LE(error(linear.pullback(g), g.to(at::kDouble).mm(w.to(at::kDouble))), bound);
      }
    }
  }
}

TEST(PackedProduct, LeavesSmallWeightsAndWideTypesAlone) {
  const kernels::PackedProduct small, wide;
  EXPECT_FALSE(small(at::ones({2, 3}), at::ones({4, 3}), {}).defined());
  EXPECT_FALSE(
      wide(at::ones({2, 300}, at::kDouble), at::ones({200, 300}, at::kDouble), {}).defined());
}

TEST(PackedProduct, AutogradGoesThroughLinear) {
  const Linear linear(at::randn({150, 160}), at::randn({150}));
  const Tensor x = at::randn({4, 160}).requires_grad_();
  const Tensor g = at::randn({4, 150});
  linear.forward(x.detach());  // packs
  const Tensor found = torch::autograd::grad({linear.forward(x)}, {x}, {g})[0];
  EXPECT_LE(error(linear.pullback(g), found.to(at::kDouble)), 1e-6);
}

}  // namespace
}  // namespace inseq::nn
