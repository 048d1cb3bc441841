#include "nn/cross_attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/attention.h"
#include "support/pullback.h"

namespace inseq::nn {
namespace {

using test::expect_pullback_matches_autograd;
using test::randn64;

constexpr int64_t kHidden = 10, kTokens = 7, kSource = 5, kBatch = 2;

struct Case {
  int64_t heads, head_dim, tokens, source;
};

class CrossAttentionOf : public testing::TestWithParam<Case> {
 protected:
  CrossAttention layer() const {
    const Case& c = GetParam();
    const int64_t units = c.heads * c.head_dim;
    return {Linear(randn64({units, kHidden}), randn64({units})),
            Linear(randn64({2 * units, kHidden}), randn64({2 * units})),
            Linear(randn64({kHidden, units}), randn64({kHidden})),
            {c.heads, c.head_dim, 1 / std::sqrt(static_cast<double>(c.head_dim))}};
  }
};

/// Autograd's gradients for one step whose score depends on the first `size` target rows.
std::pair<Tensor, Tensor> by_autograd(const CrossAttention& layer, const Tensor& x,
                                      const Tensor& encoded, const Tensor& grad, int64_t size) {
  const Tensor in = x.detach().requires_grad_(), source = encoded.detach().requires_grad_();
  const Tensor y = layer.forward(in, layer.source(source)).narrow(1, 0, size);
  const auto grads = torch::autograd::grad({y}, {in, source}, {grad});
  return {grads[0], grads[1]};
}

/// A forward pass in the kernels and one that autograd follows, which takes plain operations: one
/// source a text and one for all, with and without padding.
TEST_P(CrossAttentionOf, KernelForwardEqualsPlainOperations) {
  const Case& c = GetParam();
  const CrossAttention attention = layer();
  const Tensor x = randn64({kBatch, c.tokens, kHidden});
  for (const int64_t sources : {kBatch, int64_t{1}}) {
    const Tensor encoded = randn64({sources, c.source, kHidden});
    Tensor padding = at::zeros({sources, c.source}, at::kBool);
    if (c.source > 1) padding[0][c.source - 1] = true;
    for (const Tensor& hidden : {Tensor(), padding}) {
      const CrossAttention::Source source = attention.source(encoded, hidden);
      const Tensor expected = attention.forward(x.detach().clone().requires_grad_(), source);
      ASSERT_TRUE(expected.requires_grad());
      EXPECT_TRUE(at::allclose(attention.forward(x, source), expected, 1e-12, 1e-12));
      EXPECT_TRUE(at::allclose(
          attention.forward(x, {source.k.expand({kBatch, -1, -1, -1}),
                                source.v.expand({kBatch, -1, -1, -1}), source.padding}),
          expected, 1e-12, 1e-12));
    }
  }
}

TEST_P(CrossAttentionOf, PullbackMatchesAutogradForTargetAndSource) {
  const Case& c = GetParam();
  const CrossAttention attention = layer();
  const Tensor x = randn64({kBatch, c.tokens, kHidden}),
               encoded = randn64({kBatch, c.source, kHidden});
  CrossAttention::Saved saved;
  attention.forward(x, attention.source(encoded), &saved);
  const std::vector<int64_t> positions{c.tokens - 1, 0, c.tokens / 2};
  const Rows rows = Rows::prefixes(positions, kBatch, c.tokens);
  const Tensor grad = randn64({rows.count(), kHidden});
  for (const bool plain : {false, true}) {
    Tensor grad_source = at::zeros({3 * kBatch * c.source, kHidden}, at::kDouble);
    const Tensor grad_x = plain ? attention.pullback_plain(grad, saved, rows, grad_source)
                                : attention.pullback(grad, saved, rows, grad_source);
    const Tensor sources = grad_source.view({3, kBatch, c.source, kHidden});
    for (int64_t s = 0; s < 3; ++s) {
      const int64_t size = positions[s] + 1, begin = rows.segments[s * kBatch].begin;
      const auto step = [&](const Tensor& all) {
        return all.narrow(0, begin, kBatch * size).view({kBatch, size, kHidden});
      };
      const auto [of_x, of_source] = by_autograd(attention, x, encoded, step(grad), size);
      EXPECT_TRUE(at::allclose(step(grad_x), of_x.narrow(1, 0, size), 1e-10, 1e-10)) << s << plain;
      EXPECT_TRUE(at::allclose(sources[s], of_source, 1e-10, 1e-10)) << s << plain;
    }
  }
}

TEST_P(CrossAttentionOf, PullbackOfOwnRowsIsThatOfZerosElsewhere) {
  const Case& c = GetParam();
  const CrossAttention attention = layer();
  CrossAttention::Saved saved;
  attention.forward(randn64({kBatch, c.tokens, kHidden}),
                    attention.source(randn64({kBatch, c.source, kHidden})), &saved);
  const std::vector<int64_t> positions{c.tokens - 1, 0, c.tokens / 2};
  const Rows own = Rows::own(positions, kBatch, c.tokens),
             rows = Rows::prefixes(positions, kBatch, c.tokens);
  const Tensor grad = randn64({own.count(), kHidden});
  const Tensor full =
      at::zeros({rows.count(), kHidden}, at::kDouble).index_copy(0, rows.last(), grad);
  Tensor source = at::zeros({6 * c.source, kHidden}, at::kDouble), expected = source.clone();
  const Tensor grad_x = attention.pullback(grad, saved, own, source);
  const Tensor expected_x = attention.pullback(full, saved, rows, expected);
  EXPECT_TRUE(at::allclose(grad_x, expected_x.index_select(0, rows.last()), 1e-10, 1e-10));
  EXPECT_TRUE(at::allclose(source, expected, 1e-10, 1e-10));
}

TEST_P(CrossAttentionOf, AddsToWhatTheSourceHasAlready) {
  const Case& c = GetParam();
  const CrossAttention attention = layer();
  CrossAttention::Saved saved;
  attention.forward(randn64({1, c.tokens, kHidden}),
                    attention.source(randn64({1, c.source, kHidden})), &saved);
  const Rows rows = Rows::prefixes({c.tokens - 1}, 1, c.tokens);
  const Tensor grad = randn64({rows.count(), kHidden}), before = randn64({c.source, kHidden});
  Tensor alone = at::zeros_like(before), both = before.clone();
  attention.pullback(grad, saved, rows, alone);
  attention.pullback(grad, saved, rows, both);
  EXPECT_TRUE(at::allclose(both, before + alone, 1e-12, 1e-12));
}

TEST_P(CrossAttentionOf, WeightsSumToOne) {
  const Case& c = GetParam();
  const CrossAttention attention = layer();
  CrossAttention::Saved saved;
  attention.forward(randn64({kBatch, c.tokens, kHidden}),
                    attention.source(randn64({kBatch, c.source, kHidden})), &saved);
  const Tensor weights = attention.weights(saved, at::arange(c.tokens));
  EXPECT_EQ(weights.sizes(), (std::vector<int64_t>{kBatch, c.heads, c.tokens, c.source}));
  EXPECT_TRUE(at::allclose(weights.sum(-1), at::ones({kBatch, c.heads, c.tokens}, at::kDouble)));
}

INSTANTIATE_TEST_SUITE_P(Shapes, CrossAttentionOf,
                         testing::Values(Case{1, 2, 1, 1}, Case{3, 4, 5, 9}, Case{2, 3, 9, 4},
                                         Case{2, 5, 70, 131}));

TEST(CrossAttention, PaddedSourceTokensAreNotSeen) {
  const CrossAttention attention(Linear(randn64({4, 3}), Tensor()),
                                 Linear(randn64({8, 3}), Tensor()),
                                 Linear(randn64({3, 4}), Tensor()), {2, 2, 0.7});
  const Tensor x = randn64({1, 2, 3}), encoded = randn64({1, 5, 3});
  const Tensor padding = at::tensor({0, 0, 0, 1, 1}).view({1, 5}).to(at::kBool);
  EXPECT_TRUE(at::allclose(attention.forward(x, attention.source(encoded, padding)),
                           attention.forward(x, attention.source(encoded.narrow(1, 0, 3))), 1e-12,
                           1e-12));
}

struct BiasCase {
  Visibility sees;
  int64_t heads, kv_heads, tokens;
};

class BiasedAttentionOf : public testing::TestWithParam<BiasCase> {
 protected:
  SelfAttention layer() const {
    const BiasCase& c = GetParam();
    const int64_t units = (c.heads + 2 * c.kv_heads) * 3;
    const RelativeBias::Options options{.both_directions = c.sees == Visibility::kAll,
                                        .max_distance = 20};
    return {Linear(randn64({units, kHidden}), randn64({units})),
            Linear(randn64({kHidden, c.heads * 3}), Tensor()),
            {c.heads, c.kv_heads, 3, 1.0, c.sees},
            std::make_shared<RelativeBias>(randn64({8, c.heads}), options)};
  }
};

class CausalBiasedAttentionOf : public BiasedAttentionOf {};

TEST_P(BiasedAttentionOf, PullbackMatchesAutograd) {
  const SelfAttention attention = layer();
  const int64_t tokens = GetParam().tokens;
  const Tensor x = randn64({kBatch, tokens, kHidden});
  SelfAttention::Saved saved;
  const Tensor y = attention.forward(x, {}, &saved);
  const Tensor followed = attention.forward(x.detach().clone().requires_grad_(), {});
  ASSERT_TRUE(followed.requires_grad());
  EXPECT_TRUE(at::allclose(y, followed, 1e-12, 1e-12));
  for (const bool plain : {false, true}) {
    expect_pullback_matches_autograd([&](const Tensor& in) { return attention.forward(in, {}); },
                                     [&](const Tensor& grad) {
                                       const Rows rows = Rows::whole(grad.size(0), kBatch, tokens);
                                       const Tensor flat = grad.reshape({-1, kHidden});
                                       return (plain ? attention.pullback_plain(flat, saved, rows)
                                                     : attention.pullback(flat, saved, rows))
                                           .view(grad.sizes());
                                     },
                                     x, 3);
  }
}

TEST_P(CausalBiasedAttentionOf, CacheContinuesWhereTheTextEnded) {
  const SelfAttention attention = layer();
  const int64_t tokens = GetParam().tokens, first = (tokens + 1) / 2;
  const Tensor x = randn64({kBatch, tokens, kHidden});
  KeyValueCache cache;
  const Tensor head = attention.forward(x.narrow(1, 0, first), {}, nullptr, &cache);
  const Tensor tail = attention.forward(x.narrow(1, first, tokens - first), {}, nullptr, &cache);
  EXPECT_TRUE(at::allclose(at::cat({head, tail}, 1), attention.forward(x, {}), 1e-10, 1e-10));
}

TEST_P(CausalBiasedAttentionOf, PullbackOfLastRowsIsThatOfZerosElsewhere) {
  const SelfAttention attention = layer();
  const int64_t tokens = GetParam().tokens;
  SelfAttention::Saved saved;
  attention.forward(randn64({kBatch, tokens, kHidden}), {}, &saved);
  const Rows rows = Rows::prefixes({tokens - 1, 0, tokens / 2}, kBatch, tokens);
  const Tensor grad = randn64({6, kHidden});
  const Tensor full =
      at::zeros({rows.count(), kHidden}, at::kDouble).index_copy(0, rows.last(), grad);
  EXPECT_TRUE(at::allclose(attention.pullback_of_last(grad, saved, rows),
                           attention.pullback(full, saved, rows), 1e-10, 1e-10));
}

INSTANTIATE_TEST_SUITE_P(Shapes, BiasedAttentionOf,
                         testing::Values(BiasCase{Visibility::kAll, 3, 3, 6},
                                         BiasCase{Visibility::kAll, 2, 1, 131},
                                         BiasCase{Visibility::kEarlier, 3, 3, 6},
                                         BiasCase{Visibility::kEarlier, 4, 2, 70},
                                         BiasCase{Visibility::kEarlier, 1, 1, 1}));

INSTANTIATE_TEST_SUITE_P(Shapes, CausalBiasedAttentionOf,
                         testing::Values(BiasCase{Visibility::kEarlier, 3, 3, 6},
                                         BiasCase{Visibility::kEarlier, 4, 2, 70},
                                         BiasCase{Visibility::kEarlier, 1, 1, 2}));

TEST(Attention, PaddedKeysOfAnEncoderAreNotSeen) {
  const SelfAttention attention(Linear(randn64({12, 4}), Tensor()),
                                Linear(randn64({4, 4}), Tensor()),
                                {2, 2, 2, 0.7, Visibility::kAll});
  const Tensor x = randn64({1, 5, 4});
  AttentionContext padded;
  padded.padding = at::tensor({0, 0, 0, 1, 1}).view({1, 5}).to(at::kBool);
  EXPECT_TRUE(at::allclose(attention.forward(x, padded).narrow(1, 0, 3),
                           attention.forward(x.narrow(1, 0, 3), {}), 1e-12, 1e-12));
}

// Buckets of transformers' T5Attention._relative_position_bucket, 8 buckets, distance at most 20.
TEST(RelativeBias, BucketsAreThoseOfT5) {
  const Tensor table = at::arange(8, at::kDouble).view({8, 1});
  const auto buckets = [&](bool both) {
    return RelativeBias(table, {both, 20}).of_distances(-22, 4).view(-1).to(at::kLong);
  };
  EXPECT_TRUE(at::equal(buckets(true), at::tensor({3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
                                                   3, 3, 2, 2, 2, 2, 2, 1, 0, 5, 6, 6, 6})));
  EXPECT_TRUE(at::equal(buckets(false), at::tensor({7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 6, 6, 6, 6,
                                                    5, 5, 5, 4, 4, 3, 2, 1, 0, 0, 0, 0, 0})));
}

}  // namespace
}  // namespace inseq::nn
