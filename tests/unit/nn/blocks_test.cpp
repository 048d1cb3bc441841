#include <gtest/gtest.h>

#include <cmath>

#include "nn/attention.h"
#include "nn/feed_forward.h"
#include "nn/norm.h"
#include "inseq/error.h"
#include "support/pullback.h"

namespace inseq::nn {
namespace {

using test::expect_pullback_matches_autograd;
using test::randn64;

TEST(Linear, PullbackMatchesAutograd) {
  const Linear layer(randn64({7, 5}), randn64({7}));
  const Tensor x = randn64({2, 3, 5});
  expect_pullback_matches_autograd([&](const Tensor& in) { return layer.forward(in); },
                                   [&](const Tensor& grad) { return layer.pullback(grad); }, x, 4);
}

TEST(Linear, PullbackOfAPartIsThatOfZerosElsewhere) {
  const Linear layer(randn64({7, 5}), Tensor());
  const Tensor grad = randn64({4, 2, 3, 2});
  Tensor full = at::zeros({4, 2, 3, 7}, at::kDouble);
  full.narrow(-1, 3, 2).copy_(grad);
  EXPECT_TRUE(at::allclose(layer.pullback_part(grad, 3, 2), layer.pullback(full), 1e-12, 1e-12));
}

TEST(LayerNorm, PullbackMatchesAutograd) {
  const LayerNorm layer(randn64({8}), randn64({8}), 1e-5);
  const Tensor x = randn64({2, 5, 8});
  Norm::Saved saved;
  layer.forward(x, &saved);
  expect_pullback_matches_autograd([&](const Tensor& in) { return layer.forward(in); },
                                   [&](const Tensor& grad) { return layer.pullback(grad, saved); }, x, 3);
}

TEST(RmsNorm, PullbackMatchesAutograd) {
  const RmsNorm layer(randn64({8}), 1e-6);
  const Tensor x = randn64({2, 5, 8});
  Norm::Saved saved;
  layer.forward(x, &saved);
  expect_pullback_matches_autograd([&](const Tensor& in) { return layer.forward(in); },
                                   [&](const Tensor& grad) { return layer.pullback(grad, saved); }, x, 3);
}

/// The kernel, in each type it has, against plain tensor operations; also on views of longer sequences.
TEST(Norm, FusedKernelAddsThePlainPullback) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    for (const int64_t hidden : {1, 7, 64, 131}) {
      const Tensor weight = randn64({hidden}).to(type), bias = randn64({hidden}).to(type);
      const LayerNorm layer_norm(weight, bias, 1e-5);
      const RmsNorm rms_norm(weight, 1e-6);
      for (const Norm* layer : {static_cast<const Norm*>(&layer_norm), static_cast<const Norm*>(&rms_norm)}) {
        Norm::Saved saved;
        layer->forward(randn64({2, 6, hidden}).to(type), &saved);
        for (const Norm::Saved& part : {saved.first_tokens(4), saved.rows_of_steps(at::tensor({4, 0, 2}))}) {
          const int64_t tokens = part.normed.size(-2);
          const Tensor grad = randn64({3, 2, tokens, hidden}).to(type);
          const Tensor before = randn64({3, 2, tokens, hidden}).to(type == at::kDouble ? at::kDouble : at::kFloat);
          Tensor residual = before.clone();
          layer->add_pullback(grad, part, residual);
          const double bound = type == at::kDouble ? 1e-12 : 1e-5;
          EXPECT_TRUE(at::allclose(residual, before + layer->pullback(grad, part), bound, bound))
              << toString(type) << " hidden " << hidden;
        }
      }
    }
  }
}

class FeedForwardOf : public testing::TestWithParam<std::string> {};

TEST_P(FeedForwardOf, PullbackMatchesAutograd) {
  const Activation activation(GetParam());
  const GatedFeedForward gated(Linear(randn64({14, 5}), randn64({14})), Linear(randn64({5, 7}), Tensor()), activation);
  const PlainFeedForward plain(Linear(randn64({7, 5}), randn64({7})), Linear(randn64({5, 7}), randn64({5})), activation);
  for (const FeedForward* layer : {static_cast<const FeedForward*>(&gated), static_cast<const FeedForward*>(&plain)}) {
    const Tensor x = randn64({2, 3, 5});
    FeedForward::Saved saved;
    layer->forward(x, &saved);
    expect_pullback_matches_autograd([&](const Tensor& in) { return layer->forward(in); },
                                     [&](const Tensor& grad) { return layer->pullback(grad, saved); }, x, 3);
  }
}

INSTANTIATE_TEST_SUITE_P(Activations, FeedForwardOf,
                         testing::Values("silu", "gelu", "gelu_new", "relu", "quick_gelu", "tanh", "relu2", "mish",
                                         "gelu_10", "hardswish", "linear", "leaky_relu", "sigmoid", "relu6"));

TEST(Activation, UnknownNameOffersANearOne) {
  try {
    Activation("gelu_neww");
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean \"gelu_new\"?"), std::string::npos) << error.what();
  }
}

struct AttentionCase {
  int64_t heads, kv_heads, head_dim, tokens, rotary;
};
void PrintTo(const AttentionCase& c, std::ostream* out) {
  *out << c.heads << " heads, " << c.kv_heads << " kv, " << c.head_dim << " wide, " << c.tokens << " tokens, rotary " << c.rotary;
}

class AttentionOf : public testing::TestWithParam<AttentionCase> {
 protected:
  static constexpr int64_t kHidden = 10;
  SelfAttention layer(at::ScalarType type = at::kDouble) const {
    const auto& c = GetParam();
    const int64_t units = (c.heads + 2 * c.kv_heads) * c.head_dim;
    return {Linear(randn64({units, kHidden}).to(type), randn64({units}).to(type)),
            Linear(randn64({kHidden, c.heads * c.head_dim}).to(type), Tensor()),
            {c.heads, c.kv_heads, c.head_dim, 1 / std::sqrt(static_cast<double>(c.head_dim))}};
  }
  AttentionContext context() const {
    const auto& c = GetParam();
    if (c.rotary == 0) return {};
    return {plain_frequencies(c.rotary, 100.0)->table(at::arange(c.tokens), c.tokens, at::kDouble), {}};
  }
};

TEST_P(AttentionOf, PullbackMatchesAutograd) {
  const SelfAttention attention = layer();
  const Tensor x = randn64({2, GetParam().tokens, kHidden});
  SelfAttention::Saved saved;
  attention.forward(x, context(), &saved);
  expect_pullback_matches_autograd([&](const Tensor& in) { return attention.forward(in, context()); },
                                   [&](const Tensor& grad) { return attention.pullback(grad, saved); }, x, 3);
}

TEST_P(AttentionOf, PlainPullbackEqualsTheKernels) {
  const SelfAttention attention = layer();
  const Tensor x = randn64({2, GetParam().tokens, kHidden});
  SelfAttention::Saved saved;
  attention.forward(x, context(), &saved);
  const Tensor grad = randn64({3, 2, GetParam().tokens, kHidden});
  EXPECT_TRUE(at::allclose(attention.pullback(grad, saved), attention.pullback_plain(grad, saved), 1e-10, 1e-10));
}

TEST_P(AttentionOf, PullbackAtPositionsIsThatOfZerosElsewhere) {
  const SelfAttention attention = layer();
  const int64_t tokens = GetParam().tokens;
  SelfAttention::Saved saved;
  attention.forward(randn64({2, tokens, kHidden}), context(), &saved);
  const Tensor positions = at::tensor(std::vector<int64_t>{tokens - 1, 0, tokens / 2});
  const Tensor grad = randn64({3, 2, 1, kHidden});
  Tensor full = at::zeros({3, 2, tokens, kHidden}, at::kDouble);
  for (int64_t s = 0; s < 3; ++s) full[s].narrow(1, positions[s].item<int64_t>(), 1).copy_(grad[s]);
  EXPECT_TRUE(at::allclose(attention.pullback_at(grad, positions, saved), attention.pullback(full, saved), 1e-10, 1e-10));
}

TEST_P(AttentionOf, WeightsAreCausalAndSumToOne) {
  const SelfAttention attention = layer();
  const int64_t tokens = GetParam().tokens;
  SelfAttention::Saved saved;
  attention.forward(randn64({2, tokens, kHidden}), context(), &saved);
  const Tensor weights = attention.weights(saved, at::arange(tokens));
  EXPECT_TRUE(at::allclose(weights.sum(-1), at::ones({2, GetParam().heads, tokens}, at::kDouble)));
  EXPECT_EQ(weights.triu(1).abs().max().item<double>(), 0.0);
}

TEST_P(AttentionOf, CacheContinuesWhereTheTextEnded) {
  const SelfAttention attention = layer();
  const int64_t tokens = GetParam().tokens, first = (tokens + 1) / 2;
  const Tensor x = randn64({2, tokens, kHidden});
  const Tensor whole = attention.forward(x, context());
  KeyValueCache cache;
  std::vector<Tensor> parts;
  for (int64_t begin = 0; begin < tokens; begin += begin == 0 ? first : 1) {
    const int64_t count = begin == 0 ? first : 1;
    AttentionContext part;
    if (context().rotary.defined()) {
      part.rotary = {context().rotary.cos.narrow(0, begin, count), context().rotary.sin.narrow(0, begin, count)};
    }
    parts.push_back(attention.forward(x.narrow(1, begin, count), part, nullptr, &cache));
  }
  EXPECT_TRUE(at::allclose(at::cat(parts, 1), whole, 1e-10, 1e-10));
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionOf,
                         testing::Values(AttentionCase{1, 1, 2, 1, 2}, AttentionCase{3, 1, 4, 5, 4},
                                         AttentionCase{4, 2, 6, 7, 4}, AttentionCase{2, 2, 3, 6, 0},
                                         AttentionCase{3, 3, 8, 70, 8}, AttentionCase{2, 1, 5, 131, 0}));

TEST(Attention, PaddedKeysAreNotSeen) {
  const SelfAttention attention(Linear(randn64({12, 4}), Tensor()), Linear(randn64({4, 4}), Tensor()), {2, 2, 2, 0.7});
  const Tensor x = randn64({1, 5, 4});
  AttentionContext padded;
  padded.padding = at::tensor({1, 1, 0, 0, 0}).view({1, 5}).to(at::kBool);
  const Tensor with_padding = attention.forward(x, padded).narrow(1, 2, 3);
  const Tensor alone = attention.forward(x.narrow(1, 2, 3), {});
  EXPECT_TRUE(at::allclose(with_padding, alone, 1e-12, 1e-12));
}

}  // namespace
}  // namespace inseq::nn
