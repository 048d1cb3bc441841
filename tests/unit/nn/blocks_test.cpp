#include <gtest/gtest.h>

#include <cmath>

#include "inseq/error.h"
#include "nn/attention.h"
#include "nn/feed_forward.h"
#include "nn/kernels/attention_forward.h"
#include "nn/kernels/blas.h"
#include "nn/kernels/norm_forward.h"
#include "nn/kernels/scale_rows.h"
#include "nn/kernels/split_heads.h"
#include "nn/mixture.h"
#include "nn/norm.h"
#include "support/pullback.h"

namespace inseq::nn {
namespace {

using test::expect_pullback_matches_autograd;
using test::randn64;

/// A pullback over rows as one over [steps, batch, tokens, units], every step seeing all tokens.
std::function<Tensor(const Tensor&)> by_rows(
    const Tensor& x, std::function<Tensor(const Tensor&, const Rows&)> pullback) {
  return [batch = x.size(0), tokens = x.size(1), pullback](const Tensor& grad) {
    const std::vector<int64_t> positions(static_cast<size_t>(grad.size(0)), tokens - 1);
    const Rows rows = Rows::prefixes(positions, batch, tokens);
    return rows.padded(pullback(rows.packed(grad.flatten(0, 1)), rows))
        .view({grad.size(0), batch, tokens, -1});
  };
}

TEST(Rows, PaddingAndPackingAreInverse) {
  const Rows rows = Rows::prefixes({2, 0, 3}, 2, 5);
  ASSERT_EQ(rows.count(), 2 * (3 + 1 + 4));
  const Tensor x = randn64({rows.count(), 4});
  const Tensor padded = rows.padded(x);
  EXPECT_EQ(padded.sizes(), (std::vector<int64_t>{6, 4, 4}));
  EXPECT_TRUE(at::equal(rows.packed(padded), x));
  EXPECT_EQ(padded[2].narrow(0, 1, 3).abs().max().item<double>(),
            0.0);  // the second step sees one token
}

TEST(Rows, FindWhatWasSaved) {
  const Tensor saved = randn64({2, 5, 3});
  const Tensor found = Rows::prefixes({2, 0}, 2, 5).of(saved);
  EXPECT_TRUE(at::equal(found.narrow(0, 3, 3), saved[1].narrow(0, 0, 3)));
  EXPECT_TRUE(at::equal(found[7], saved[1][0]));
  EXPECT_TRUE(at::equal(Rows::own({3, 1}, 2, 5).of(saved),
                        at::stack({saved[0][3], saved[1][3], saved[0][1], saved[1][1]})));
}

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

void expect_norm_pullback_matches_autograd(const Norm& layer) {
  const Tensor x = randn64({2, 5, 8});
  Norm::Saved saved;
  layer.forward(x, &saved);
  const auto pullback = [&](const Tensor& grad, const Rows& rows) {
    return layer.pullback(grad, saved, rows);
  };
  expect_pullback_matches_autograd([&](const Tensor& in) { return layer.forward(in); },
                                   by_rows(x, pullback), x, 3);
}

TEST(LayerNorm, PullbackMatchesAutograd) {
  expect_norm_pullback_matches_autograd(LayerNorm(randn64({8}), randn64({8}), 1e-5));
}

TEST(RmsNorm, PullbackMatchesAutograd) {
  expect_norm_pullback_matches_autograd(RmsNorm(randn64({8}), 1e-6));
}

/// The kernel, in each type it has, against plain tensor operations.
TEST(Norm, FusedKernelAddsThePlainPullback) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    for (const int64_t hidden : {1, 7, 64, 131}) {
      const Tensor weight = randn64({hidden}).to(type), bias = randn64({hidden}).to(type);
      const LayerNorm layer_norm(weight, bias, 1e-5);
      const RmsNorm rms_norm(weight, 1e-6);
      for (const Norm* layer :
           {static_cast<const Norm*>(&layer_norm), static_cast<const Norm*>(&rms_norm)}) {
        Norm::Saved saved;
        layer->forward(randn64({2, 6, hidden}).to(type), &saved);
        for (const Rows& rows : {Rows::prefixes({3, 0, 5}, 2, 6), Rows::own({4, 0, 2}, 2, 6)}) {
          const Tensor grad = randn64({rows.count(), hidden}).to(type);
          const Tensor before =
              randn64({rows.count(), hidden}).to(type == at::kDouble ? at::kDouble : at::kFloat);
          Tensor residual = before.clone();
          layer->add_pullback(grad, saved, rows, residual);
          const double scale =
              std::max(1.0, saved.inv_std.max().item<double>());  // rounding grows with it
          const double bound = (type == at::kDouble ? 1e-12 : 1e-5) * scale;
          EXPECT_TRUE(
              at::allclose(residual, before + layer->pullback(grad, saved, rows), bound, bound))
              << toString(type) << " hidden " << hidden;
        }
      }
    }
  }
}

/// The tests below compare kernels with plain operations, which would also be taken without them.
TEST(Kernels, ForwardOnesAreThereForTheTypesOfModels) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const at::ScalarType wide = type == at::kDouble ? at::kDouble : at::kFloat;
    const Tensor x = randn64({2, 5, 12}).to(type), weight = randn64({12}).to(type);
    const Tensor q = randn64({2, 3, 5, 4}).to(wide), k = randn64({2, 1, 5, 4}).to(wide);
    EXPECT_TRUE(kernels::norm_forward({x, weight, weight, 1e-5, true}, true).normed.defined());
    EXPECT_TRUE(kernels::split_heads({x, 0, 3, 4, Tensor(), Tensor()}).defined());
    const kernels::AttentionForward in{q, k, k, Tensor(), Tensor(), 0.5, Visibility::kEarlier};
    EXPECT_EQ(kernels::attention_forward(in, type).defined(), kernels::has_blas());
    EXPECT_EQ(kernels::attention_weights(in, at::arange(2)).defined(), kernels::has_blas());
  }
}

/// A forward pass in the kernels and one that autograd follows, which takes plain operations.
template <typename Layer>
void expect_kernel_forward(const Layer& layer, const Tensor& x, double bound) {
  const at::ScalarType type = x.scalar_type();
  Norm::Saved fast, plain;
  const Tensor y = layer.forward(x, &fast);
  const Tensor expected = layer.forward(x.detach().clone().requires_grad_(), &plain);
  ASSERT_TRUE(expected.requires_grad());
  ASSERT_EQ(y.scalar_type(), type);
  EXPECT_TRUE(at::allclose(y, expected, bound, bound));
  EXPECT_TRUE(at::allclose(fast.normed, plain.normed, bound, bound));
  EXPECT_EQ(fast.inv_std.sizes(), plain.inv_std.sizes());
  EXPECT_TRUE(at::allclose(fast.inv_std, plain.inv_std, 1e-5, 1e-5));
  EXPECT_TRUE(at::equal(layer.forward(x), y));  // without keeping
}

TEST(Norm, KernelForwardEqualsPlainOperations) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    // bfloat16 may round the other way: one unit of 8 bits.
    const double bound = type == at::kDouble ? 1e-12 : type == at::kFloat ? 1e-5 : 0x1p-7;
    for (const int64_t hidden : {1, 7, 64, 131}) {
      SCOPED_TRACE(std::string(toString(type)) + ", hidden " + std::to_string(hidden));
      const Tensor x = (randn64({3, 37, hidden}) * 3 + 1).to(type);
      const Tensor weight = randn64({hidden}).to(type), bias = randn64({hidden}).to(type);
      expect_kernel_forward(LayerNorm(weight, bias, 1e-5), x, bound);
      expect_kernel_forward(LayerNorm(weight, Tensor(), 1e-5), x, bound);
      expect_kernel_forward(RmsNorm(weight, 1e-6), x, bound);
      expect_kernel_forward(RmsNorm(weight, 1e-6), x.transpose(0, 1), bound);  // not contiguous
    }
  }
}

TEST(FeedForward, ScalingKernelEqualsPlainOperations) {
  const Rows rows = Rows::prefixes({3, 0, 5}, 2, 6);
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    for (const int64_t parts : {1, 2}) {
      const Tensor x = randn64({rows.count(), 37}).to(type),
                   factors = randn64({2, 6, parts * 37}).to(type);
      const Tensor found = kernels::scale_rows(x, factors, rows.index);
      ASSERT_TRUE(found.defined());
      EXPECT_TRUE(at::equal(
          found, (x.unsqueeze(1) * rows.of(factors).unflatten(1, {parts, 37})).flatten(1)))
          << toString(type);
    }
  }
}

class FeedForwardOf : public testing::TestWithParam<std::string> {};

TEST_P(FeedForwardOf, PullbackMatchesAutograd) {
  const Activation activation(GetParam());
  const GatedFeedForward gated(Linear(randn64({14, 5}), randn64({14})),
                               Linear(randn64({5, 7}), Tensor()), activation);
  const PlainFeedForward plain(Linear(randn64({7, 5}), randn64({7})),
                               Linear(randn64({5, 7}), randn64({5})), activation);
  for (const FeedForward* layer :
       {static_cast<const FeedForward*>(&gated), static_cast<const FeedForward*>(&plain)}) {
    const Tensor x = randn64({2, 3, 5});
    FeedForward::Saved saved;
    layer->forward(x, &saved);
    expect_pullback_matches_autograd(
        [&](const Tensor& in) { return layer->forward(in); },
        by_rows(x, [&](const Tensor& grad,
                       const Rows& rows) { return layer->pullback(grad, saved, rows); }),
        x, 3);
  }
}

INSTANTIATE_TEST_SUITE_P(Activations, FeedForwardOf,
                         testing::Values("silu", "gelu", "gelu_new", "relu", "quick_gelu", "tanh",
                                         "relu2", "mish", "gelu_10", "hardswish", "linear",
                                         "leaky_relu", "sigmoid", "relu6"));

TEST(Mixture, PullbackMatchesAutogradAndIsTheSumOfItsExperts) {
  const auto linear = [](int64_t out, int64_t in) {
    return Linear(randn64({out, in}), randn64({out}));
  };
  std::vector<Mixture::Expert> experts;
  for (int i = 0; i < 5; ++i) experts.push_back({linear(7, 6), linear(6, 7)});
  const Linear router = linear(5, 6);
  const Activation gelu("gelu");
  const Mixture mixture(router, experts, gelu, 0.8);
  const Tensor x = randn64({2, 9, 6});
  FeedForward::Saved saved;
  const Tensor y = mixture.forward(x, &saved);
  // Token by token, by its definition.
  for (int64_t t = 0; t < 9; ++t) {
    const Tensor token = x[1][t], probabilities = router.forward(token).softmax(-1);
    const auto [top, which] = probabilities.topk(2);
    Tensor expected = at::zeros({6}, at::kDouble);
    for (int64_t k = 0; k < 2; ++k) {
      const auto& expert = experts[static_cast<size_t>(which[k].item<int64_t>())];
      expected = expected + 0.8 * top[k] / top.sum() *
                                expert.down.forward(gelu.value(expert.up.forward(token)));
    }
    EXPECT_TRUE(at::allclose(y[1][t], expected, 1e-10, 1e-10));
  }
  expect_pullback_matches_autograd(
      [&](const Tensor& in) { return mixture.forward(in); },
      by_rows(x, [&](const Tensor& grad,
                     const Rows& rows) { return mixture.pullback(grad, saved, rows); }),
      x, 3);
}

TEST(Mixture, RefusesAReference) {
  const Linear up(randn64({7, 6}), Tensor()), down(randn64({6, 7}), Tensor());
  const Mixture mixture(Linear(randn64({2, 6}), Tensor()), {{up, down}, {up, down}},
                        Activation("relu"), 1.0);
  EXPECT_THROW(mixture.forward(randn64({1, 2, 6}), nullptr, {.inner = randn64({1, 2, 7})}),
               Unsupported);
}

TEST(Activation, UnknownNameOffersANearOne) {
  try {
    Activation("gelu_neww");
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean \"gelu_new\"?"), std::string::npos)
        << error.what();
  }
}

struct AttentionCase {
  int64_t heads, kv_heads, head_dim, tokens, rotary;
};
void PrintTo(const AttentionCase& c, std::ostream* out) {
  *out << c.heads << " heads, " << c.kv_heads << " kv, " << c.head_dim << " wide, " << c.tokens
       << " tokens, rotary " << c.rotary;
}

class AttentionOf : public testing::TestWithParam<AttentionCase> {
 protected:
  static constexpr int64_t kHidden = 10;
  static constexpr RelativeBias::Options kBuckets{.both_directions = false, .max_distance = 16};
  SelfAttention layer(at::ScalarType type = at::kDouble) const { return layer(nullptr, type); }
  SelfAttention layer(std::shared_ptr<const RelativeBias> bias,
                      at::ScalarType type = at::kDouble) const {
    const auto& c = GetParam();
    const int64_t units = (c.heads + 2 * c.kv_heads) * c.head_dim;
    return {Linear(randn64({units, kHidden}).to(type), randn64({units}).to(type)),
            Linear(randn64({kHidden, c.heads * c.head_dim}).to(type), Tensor()),
            {c.heads, c.kv_heads, c.head_dim, 1 / std::sqrt(static_cast<double>(c.head_dim))},
            std::move(bias)};
  }
  AttentionContext context() const { return context(0, GetParam().tokens); }
  AttentionContext context(int64_t first, int64_t count) const {
    const auto& c = GetParam();
    if (c.rotary == 0) return {};
    return {plain_frequencies(c.rotary, 100.0)
                ->table(at::arange(first, first + count), c.tokens, at::kDouble),
            {}};
  }
};

/// A forward pass in the kernels and one that autograd follows, which takes plain operations: with
/// and without tokens before, a bias, and keys that are padding.
TEST_P(AttentionOf, KernelForwardEqualsPlainOperations) {
  const auto& c = GetParam();
  const int64_t past = c.tokens / 3, fresh = c.tokens - past;
  const int64_t padding = std::min<int64_t>(2, c.tokens - 1);  // tokens of the second text
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    for (const bool biased : {false, true}) {
      const at::ScalarType wide = type == at::kDouble ? at::kDouble : at::kFloat;
      const auto table = std::make_shared<RelativeBias>(randn64({8, c.heads}).to(wide), kBuckets);
      const SelfAttention attention = layer(biased ? table : nullptr, type);
      const Tensor x = randn64({2, c.tokens, kHidden}).to(type);
      for (const bool padded : {false, true}) {
        const auto run = [&](bool followed, SelfAttention::Saved* saved) {
          const auto part = [&](int64_t first, int64_t count) {
            AttentionContext out = context(first, count);
            if (out.rotary.defined())
              out.rotary = {out.rotary.cos.to(wide), out.rotary.sin.to(wide)};
            if (padded) {
              out.padding = at::zeros({2, first + count}, at::kBool);
              out.padding[1].narrow(0, 0, std::min(padding, first + count)).fill_(true);
            }
            return out;
          };
          const auto rows = [&](int64_t first, int64_t count) {
            Tensor in = x.narrow(1, first, count).contiguous();
            return followed ? in.requires_grad_() : in;
          };
          KeyValueCache cache;
          const at::AutoGradMode recording(followed);
          if (past > 0) attention.forward(rows(0, past), part(0, past), nullptr, &cache);
          cache.keys = cache.keys.defined() ? cache.keys.detach() : cache.keys;
          cache.values = cache.values.defined() ? cache.values.detach() : cache.values;
          return attention.forward(rows(past, fresh), part(past, fresh), saved, &cache);
        };
        SelfAttention::Saved fast, plain;
        const Tensor y = run(false, &fast), expected = run(true, &plain);
        ASSERT_TRUE(expected.requires_grad());
        ASSERT_EQ(y.scalar_type(), type);
        const double bound = type == at::kDouble ? 1e-12 : type == at::kFloat ? 1e-5 : 0.02;
        const auto near = [&](const Tensor& a, const Tensor& b) {
          return (a - b).abs().max().item<double>() <= bound * b.abs().max().item<double>();
        };
        // Rows of padding may differ: what they see does not matter.
        const int64_t real = padded ? std::max<int64_t>(0, padding - past) : 0;
        EXPECT_TRUE(near(y.narrow(1, real, fresh - real), expected.narrow(1, real, fresh - real)))
            << toString(type) << (biased ? ", biased" : "") << (padded ? ", padded" : "");
        EXPECT_TRUE(near(fast.q, plain.q) && near(fast.k, plain.k) && near(fast.v, plain.v));
        EXPECT_TRUE(fast.q.scalar_type() == wide && fast.q.is_contiguous());
      }
    }
  }
}

TEST_P(AttentionOf, PullbackMatchesAutograd) {
  const SelfAttention attention = layer();
  const Tensor x = randn64({2, GetParam().tokens, kHidden});
  SelfAttention::Saved saved;
  attention.forward(x, context(), &saved);
  expect_pullback_matches_autograd(
      [&](const Tensor& in) { return attention.forward(in, context()); },
      by_rows(x, [&](const Tensor& grad,
                     const Rows& rows) { return attention.pullback(grad, saved, rows); }),
      x, 3);
}

TEST_P(AttentionOf, PlainPullbackEqualsTheKernels) {
  const SelfAttention attention = layer();
  const int64_t tokens = GetParam().tokens;
  SelfAttention::Saved saved;
  attention.forward(randn64({2, tokens, kHidden}), context(), &saved);
  // Several steps share attention weights, a single one computes them tile by tile.
  for (const std::vector<int64_t>& positions :
       {std::vector<int64_t>{tokens - 1, tokens / 2, 0}, std::vector<int64_t>{tokens - 1}}) {
    const Rows rows = Rows::prefixes(positions, 2, tokens);
    const Tensor grad = randn64({rows.count(), kHidden});
    EXPECT_TRUE(at::allclose(attention.pullback(grad, saved, rows),
                             attention.pullback_plain(grad, saved, rows), 1e-10, 1e-10))
        << positions.size() << " steps";
  }
}

TEST_P(AttentionOf, PullbackOfLastRowsIsThatOfZerosElsewhere) {
  const SelfAttention attention = layer();
  const int64_t tokens = GetParam().tokens;
  SelfAttention::Saved saved;
  attention.forward(randn64({2, tokens, kHidden}), context(), &saved);
  const Rows rows = Rows::prefixes({tokens - 1, 0, tokens / 2}, 2, tokens);
  const Tensor grad = randn64({6, kHidden}), full = at::zeros({rows.count(), kHidden}, at::kDouble);
  for (int64_t i = 0; i < 6; ++i)
    full[rows.segments[i].begin + rows.segments[i].size - 1].copy_(grad[i]);
  EXPECT_TRUE(at::allclose(attention.pullback_of_last(grad, saved, rows),
                           attention.pullback(full, saved, rows), 1e-10, 1e-10));
}

/// A pass over tokens behind a prefix has the pullback that the whole text has at these tokens.
TEST_P(AttentionOf, PullbackBehindAPrefixIsThatOfTheWholeText) {
  for (const bool biased : {false, true}) {
    const auto& c = GetParam();
    SelfAttention attention = layer();
    if (biased) attention = layer(std::make_shared<RelativeBias>(randn64({8, c.heads}), kBuckets));
    const int64_t tokens = c.tokens, past = tokens / 3, fresh = tokens - past;
    const Tensor x = randn64({2, tokens, kHidden});
    SelfAttention::Saved whole, first, saved;
    attention.forward(x, context(), &whole);
    const AttentionContext front = context(0, past), back = context(past, fresh);
    KeyValueCache cache;
    if (past > 0) attention.forward(x.narrow(1, 0, past), front, &first, &cache);
    attention.forward(x.narrow(1, past, fresh), back, &saved, &cache);
    ASSERT_EQ(saved.past(), past);
    const std::vector<int64_t> positions = {tokens - 1, past, past + fresh / 2};
    std::vector<int64_t> own;
    for (const int64_t position : positions) own.push_back(position - past);
    const Rows of_whole = Rows::prefixes(positions, 2, tokens),
               of_back = Rows::prefixes(own, 2, fresh);
    const Tensor grad = randn64({of_back.count(), kHidden}), last = randn64({6, kHidden});
    // The same gradients in the whole text: nothing comes from the prefix's rows.
    const auto in_whole = [&](const Tensor& rows) {
      const Tensor padded = at::zeros({6, tokens, kHidden}, at::kDouble);
      padded.narrow(1, past, fresh).copy_(of_back.padded(rows));
      return of_whole.packed(padded);
    };
    const auto behind = [&](const Tensor& rows) {
      return of_back.packed(of_whole.padded(rows).narrow(1, past, fresh));
    };
    const auto expect_equal = [](const Tensor& a, const Tensor& b) {
      EXPECT_TRUE(at::allclose(a, b, 1e-10, 1e-10));
    };
    const Tensor expected = behind(attention.pullback(in_whole(grad), whole, of_whole));
    expect_equal(attention.pullback(grad, saved, of_back), expected);
    expect_equal(attention.pullback_plain(grad, saved, of_back), expected);
    expect_equal(attention.pullback_of_last(last, saved, of_back),
                 behind(attention.pullback_of_last(last, whole, of_whole)));
  }
}

TEST_P(AttentionOf, WeightsAreCausalAndSumToOne) {
  const SelfAttention attention = layer();
  const int64_t tokens = GetParam().tokens;
  SelfAttention::Saved saved;
  attention.forward(randn64({2, tokens, kHidden}), context(), &saved);
  const Tensor weights = attention.weights(saved, at::arange(tokens));
  EXPECT_TRUE(at::allclose(weights.sum(-1), at::ones({2, GetParam().heads, tokens}, at::kDouble)));
  EXPECT_EQ(weights.triu(1).abs().max().item<double>(), 0.0);
  // Rows in any order, from the queries and keys themselves.
  const Tensor rows = at::tensor({tokens - 1, int64_t{0}, tokens / 2});
  const Tensor keys =
      saved.k.repeat_interleave(GetParam().heads / GetParam().kv_heads, 1).transpose(-1, -2);
  const Tensor scores =
      at::matmul(saved.q, keys) / std::sqrt(static_cast<double>(GetParam().head_dim));
  const Tensor later = at::ones({tokens, tokens}, at::kBool).triu(1);
  const Tensor expected = scores.masked_fill(later, -INFINITY).softmax(-1).index_select(2, rows);
  EXPECT_TRUE(at::allclose(attention.weights(saved, rows), expected, 1e-12, 1e-12));
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
      part.rotary = {context().rotary.cos.narrow(0, begin, count),
                     context().rotary.sin.narrow(0, begin, count)};
    }
    parts.push_back(attention.forward(x.narrow(1, begin, count), part, nullptr, &cache));
  }
  EXPECT_TRUE(at::allclose(at::cat(parts, 1), whole, 1e-10, 1e-10));
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionOf,
                         testing::Values(AttentionCase{1, 1, 2, 1, 2}, AttentionCase{3, 1, 4, 5, 4},
                                         AttentionCase{4, 2, 6, 7, 4}, AttentionCase{2, 2, 3, 6, 0},
                                         AttentionCase{3, 3, 8, 70, 8},
                                         AttentionCase{2, 1, 5, 131, 0}));

TEST(Attention, PaddedKeysAreNotSeen) {
  const SelfAttention attention(Linear(randn64({12, 4}), Tensor()),
                                Linear(randn64({4, 4}), Tensor()), {2, 2, 2, 0.7});
  const Tensor x = randn64({1, 5, 4});
  AttentionContext padded;
  padded.padding = at::tensor({1, 1, 0, 0, 0}).view({1, 5}).to(at::kBool);
  const Tensor with_padding = attention.forward(x, padded).narrow(1, 2, 3);
  const Tensor alone = attention.forward(x.narrow(1, 2, 3), {});
  EXPECT_TRUE(at::allclose(with_padding, alone, 1e-12, 1e-12));
}

}  // namespace
}  // namespace inseq::nn
