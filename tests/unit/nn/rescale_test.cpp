// DeepLIFT's rule beyond activations: what reaches the input adds up to the change of the output.
#include "nn/rescale.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/attention.h"
#include "nn/cross_attention.h"
#include "nn/norm.h"
#include "support/pullback.h"

namespace inseq::nn {
namespace {

using test::randn64;

double sum_of(const Tensor& x) { return x.sum().item<double>(); }

/// Expects that gradient * difference adds up to the same at both ends of a block.
void expect_complete(const Tensor& grad_y, const Tensor& change_of_y, const Tensor& grad_x,
                     const Tensor& change_of_x) {
  const double expected = sum_of(grad_y * change_of_y);
  EXPECT_NEAR(sum_of(grad_x * change_of_x), expected, 1e-10 * (1 + std::abs(expected)));
}

void expect_norm_is_complete(const Norm& norm) {
  const Tensor x = randn64({1, 5, 8}), x0 = 3 * randn64({1, 5, 8});
  Norm::Saved here, there;
  const Tensor change = norm.forward(x, &here) - norm.forward(x0, &there);
  const Rows rows = Rows::whole(1, 1, 5);
  const Tensor grad = randn64({5, 8});
  const Norm::Saved both = between(here, there);
  expect_complete(grad, change[0], norm.pullback(grad, both, rows), (x - x0)[0]);
  // Token by token, too: a norm does not mix them.
  const Tensor sums = (norm.pullback(grad, both, rows) * (x - x0)[0]).sum(1);
  EXPECT_TRUE(at::allclose(sums, (grad * change[0]).sum(1), 1e-10, 1e-10));
  // Where both ends are the same, it is the gradient.
  EXPECT_TRUE(at::allclose(norm.pullback(grad, between(here, here), rows),
                           norm.pullback(grad, here, rows), 1e-10, 1e-10));
}

TEST(Rescale, LayerNormIsComplete) {
  expect_norm_is_complete(LayerNorm(randn64({8}), randn64({8}), 1e-5));
}

TEST(Rescale, RmsNormIsComplete) { expect_norm_is_complete(RmsNorm(randn64({8}), 1e-6)); }

TEST(Rescale, LogarithmicMeanLiesBetweenItsEnds) {
  const Tensor a = at::tensor({0.2, 0.0, 0.0, 0.3, 0.5, 1e-30}, at::kDouble);
  const Tensor b = at::tensor({0.2, 0.0, 0.4, 0.0, 0.5 + 1e-12, 1.0}, at::kDouble);
  const Tensor m = logarithmic_mean(a, b);
  EXPECT_TRUE(at::allclose(
      m, at::tensor({0.2, 0.0, 0.0, 0.0, 0.5 + 5e-13, 1 / (30 * std::log(10.0))}, at::kDouble),
      1e-12, 0));
}

struct Heads {
  int64_t heads, kv_heads;
  Visibility sees;
};

class RescaledAttention : public testing::TestWithParam<Heads> {};

TEST_P(RescaledAttention, IsCompleteAndEqualsTheGradientAtItsReference) {
  const auto [heads, kv, sees] = GetParam();
  const int64_t dim = 4, hidden = 10, tokens = 6;
  const SelfAttention attention(
      Linear(randn64({(heads + 2 * kv) * dim, hidden}), randn64({(heads + 2 * kv) * dim})),
      Linear(randn64({hidden, heads * dim}), randn64({hidden})), {heads, kv, dim, 0.5, sees},
      std::make_shared<RelativeBias>(randn64({8, heads}), RelativeBias::Options{}));
  const Tensor x = randn64({1, tokens, hidden}), x0 = randn64({1, tokens, hidden});
  SelfAttention::Saved here, there;
  const Tensor change = attention.forward(x, {}, &here) - attention.forward(x0, {}, &there);
  const Rows rows = Rows::whole(2, 1, tokens);
  const Tensor grad = randn64({2, tokens, hidden});
  const Tensor found =
      attention.pullback(grad.flatten(0, 1), here.compared_with(there), rows).view_as(grad);
  for (int64_t step = 0; step < 2; ++step)
    expect_complete(grad[step], change[0], found[step], (x - x0)[0]);
  EXPECT_TRUE(at::allclose(attention.pullback(grad.flatten(0, 1), here.compared_with(here), rows),
                           attention.pullback(grad.flatten(0, 1), here, rows), 1e-10, 1e-10));
  if (sees == Visibility::kAll) return;
  const Rows prefixes = Rows::prefixes({tokens - 1, 2}, 1, tokens);
  const Tensor last = randn64({2, hidden});
  const Tensor of_last =
      prefixes.padded(attention.pullback_of_last(last, here.compared_with(there), prefixes));
  for (int64_t step = 0; step < 2; ++step) {
    expect_complete(last[step], change[0][step == 0 ? tokens - 1 : 2], of_last[step], (x - x0)[0]);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, RescaledAttention,
                         testing::Values(Heads{3, 3, Visibility::kEarlier},
                                         Heads{4, 2, Visibility::kEarlier},
                                         Heads{2, 2, Visibility::kAll}));

TEST(Rescale, CrossAttentionIsComplete) {
  const int64_t heads = 3, dim = 4, hidden = 10, tokens = 5, source_tokens = 7;
  const CrossAttention attention(
      Linear(randn64({heads * dim, hidden}), randn64({heads * dim})),
      Linear(randn64({2 * heads * dim, hidden}), randn64({2 * heads * dim})),
      Linear(randn64({hidden, heads * dim}), randn64({hidden})), {heads, dim, 0.5});
  const Tensor x = randn64({1, tokens, hidden}), x0 = randn64({1, tokens, hidden});
  const Tensor encoded = randn64({1, source_tokens, hidden}),
               encoded0 = randn64({1, source_tokens, hidden});
  CrossAttention::Saved here, there;
  const Tensor change = attention.forward(x, attention.source(encoded), &here) -
                        attention.forward(x0, attention.source(encoded0), &there);
  const Rows rows = Rows::whole(1, 1, tokens);
  const Tensor grad = randn64({tokens, hidden});
  Tensor grad_source = at::zeros({source_tokens, hidden}, at::kDouble);
  const Tensor found = attention.pullback(grad, here.compared_with(there), rows, grad_source);
  const double expected = sum_of(grad * change[0]);
  EXPECT_NEAR(sum_of(found * (x - x0)[0]) + sum_of(grad_source * (encoded - encoded0)[0]), expected,
              1e-10 * (1 + std::abs(expected)));
}

}  // namespace
}  // namespace inseq::nn
