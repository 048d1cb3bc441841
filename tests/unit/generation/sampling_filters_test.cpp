#include "generation/sampling_filters.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace inseq::generation {
namespace {

using Ids = std::vector<int64_t>;

/// Logits of these probabilities: [1, vocab].
Tensor logits_of(std::vector<double> probabilities) {
  return at::tensor(probabilities).log().to(at::kFloat).unsqueeze(0);
}

Ids kept(const Tensor& scores) {
  Ids ids;
  for (int64_t id = 0; id < scores.size(1); ++id) {
    if (std::isfinite(scores[0][id].item<float>())) ids.push_back(id);
  }
  return ids;
}

TEST(SamplingFilters, TopKKeepsTies) {
  const Tensor scores = at::tensor({1.f, 3.f, 2.f, 2.f}).unsqueeze(0);
  EXPECT_EQ(kept(keep_top_k(scores, 1)), Ids({1}));
  EXPECT_EQ(kept(keep_top_k(scores, 2)), Ids({1, 2, 3}));
  EXPECT_EQ(kept(keep_top_k(scores, 99)), Ids({0, 1, 2, 3}));
}

TEST(SamplingFilters, TopPKeepsTheFewestThatReachTheMass) {
  const Tensor scores = logits_of({0.1, 0.4, 0.3, 0.2});
  EXPECT_EQ(kept(keep_top_p(scores, 0.0)), Ids({1}));
  EXPECT_EQ(kept(keep_top_p(scores, 0.35)), Ids({1}));
  EXPECT_EQ(kept(keep_top_p(scores, 0.5)), Ids({1, 2}));
  EXPECT_EQ(kept(keep_top_p(scores, 0.8)), Ids({1, 2, 3}));
  EXPECT_EQ(kept(keep_top_p(scores, 0.95)), Ids({0, 1, 2, 3}));
}

TEST(SamplingFilters, MinPIsRelativeToTheLikeliest) {
  const Tensor scores = logits_of({0.1, 0.5, 0.24, 0.16});
  EXPECT_EQ(kept(keep_min_p(scores, 0.3)), Ids({1, 2, 3}));
  EXPECT_EQ(kept(keep_min_p(scores, 0.4)), Ids({1, 2}));
  EXPECT_EQ(kept(keep_min_p(scores, 1.0)), Ids({1}));
}

TEST(SamplingFilters, TypicalMayDropTheLikeliest) {
  // Entropy 1.64 nats: 0.12 to 0.22 carry about that much information, 0.4 much less.
  const Tensor scores = logits_of({0.4, 0.22, 0.14, 0.12, 0.12});
  EXPECT_EQ(kept(keep_typical(scores, 0.3)), Ids({1, 2}));
}

TEST(SamplingFilters, EpsilonAndEtaKeepAtLeastTheLikeliest) {
  const Tensor scores = logits_of({0.4, 0.3, 0.2, 0.1});
  EXPECT_EQ(kept(keep_epsilon(scores, 0.15)), Ids({0, 1, 2}));
  EXPECT_EQ(kept(keep_epsilon(scores, 0.9)), Ids({0}));
  // Entropy 1.28 nats: the bound is sqrt(0.36) * exp(-1.28) = 0.167, less than 0.36.
  EXPECT_EQ(kept(keep_eta(scores, 0.36)), Ids({0, 1, 2}));
  EXPECT_EQ(kept(keep_eta(scores, 0.05)), Ids({0, 1, 2, 3}));
}

TEST(SamplingFilters, TopHSpendsAShareOfTheEntropy) {
  // The four terms of the entropy 1.28 are 0.367, 0.361, 0.322 and 0.230.
  const Tensor scores = logits_of({0.2, 0.4, 0.1, 0.3});
  EXPECT_EQ(kept(keep_top_h(scores, 0.1)), Ids({1}));
  EXPECT_EQ(kept(keep_top_h(scores, 0.6)), Ids({1, 3}));
  EXPECT_EQ(kept(keep_top_h(scores, 0.9)), Ids({0, 1, 3}));
}

TEST(SamplingFilters, WhatIsForbiddenStaysForbidden) {
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor scores = at::tensor({-inf, 1.f, -inf, 0.5f}).unsqueeze(0);
  for (const Tensor& out :
       {keep_top_k(scores, 3), keep_top_p(scores, 0.999), keep_min_p(scores, 0.0),
        keep_top_h(scores, 0.99), keep_typical(scores, 0.999), keep_epsilon(scores, 1e-9),
        keep_eta(scores, 1e-9)}) {
    EXPECT_FALSE(out.isnan().any().item<bool>());
    for (int64_t id : kept(out)) EXPECT_TRUE(id == 1 || id == 3);
    EXPECT_GE(kept(out).size(), 1u);
  }
}

}  // namespace
}  // namespace inseq::generation
