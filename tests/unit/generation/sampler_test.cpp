#include "generation/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace inseq::generation {
namespace {

Tensor prompts(std::vector<std::vector<int64_t>> rows) {
  std::vector<Tensor> tensors;
  for (const auto& row : rows) tensors.push_back(at::tensor(row, at::kLong));
  return at::stack(tensors);
}

/// Pearson's chi-square of `rounds` draws by every one of `sequences` streams against
/// softmax(logits).
double chi_square(const Tensor& logits, uint64_t seed, int64_t sequences, int64_t rounds) {
  Sampler sampler(seed, at::arange(sequences, at::kLong).unsqueeze(1));
  const Tensor scores = logits.expand({sequences, logits.size(0)});
  Tensor counts = at::zeros_like(logits, at::kDouble);
  for (int64_t i = 0; i < rounds; ++i) {
    counts += at::bincount(sampler.draw(scores), {}, logits.size(0));
  }
  const Tensor expected = logits.to(at::kDouble).softmax(-1) * (sequences * rounds);
  EXPECT_GT(expected.min().item<double>(), 5);
  return ((counts - expected).square() / expected).sum().item<double>();
}

// 15 degrees of freedom: 0.5 % lie below 4.6 (too even for chance) and 1 % above 30.6.
void expect_chance(double chi_square) {
  EXPECT_LT(chi_square, 30.6);
  EXPECT_GT(chi_square, 4.6);
}

TEST(Sampler, FollowsTheSoftmax) {
  const Tensor logits = at::linspace(-3, 1.5, 16, at::kFloat);
  expect_chance(chi_square(logits, 1, /*sequences=*/1, /*rounds=*/3000));
  expect_chance(chi_square(logits, 2, /*sequences=*/3000, /*rounds=*/1));
  expect_chance(chi_square(logits, 3, /*sequences=*/500, /*rounds=*/100));
}

TEST(Sampler, StreamsOfSequencesAreIndependent) {
  // Pairs drawn by two sequences of a batch, over a table of 4 x 4 cells.
  Sampler sampler(5, prompts({{1}, {2}}));
  std::vector<double> counts(16);
  const double rounds = 3000;
  for (int i = 0; i < rounds; ++i) {
    const Tensor ids = sampler.draw(at::zeros({2, 4}));
    ++counts[ids[0].item<int64_t>() * 4 + ids[1].item<int64_t>()];
  }
  double sum = 0;
  for (const double count : counts) sum += std::pow(count - rounds / 16, 2) / (rounds / 16);
  expect_chance(sum);
}

TEST(Sampler, NeverDrawsWhatIsForbidden) {
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor logits = at::tensor({-inf, 0.f, -inf, 0.f, -inf}).unsqueeze(0);
  Sampler sampler(11, prompts({{1}}));
  for (int i = 0; i < 500; ++i) {
    const int64_t id = sampler.draw(logits)[0].item<int64_t>();
    ASSERT_TRUE(id == 1 || id == 3) << id;
  }
}

/// The first draws of one sequence from 1000 equally likely tokens.
std::vector<int64_t> draws_of(uint64_t seed, const Tensor& batch, int64_t sequence) {
  Sampler sampler(seed, batch);
  std::vector<int64_t> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(sampler.draw(at::zeros({batch.size(0), 1000}))[sequence].item<int64_t>());
  }
  return ids;
}

TEST(Sampler, DrawsAreFixedForASeed) {
  EXPECT_EQ(draws_of(0, prompts({{1, 2, 3}}), 0), draws_of(0, prompts({{1, 2, 3}}), 0));
  EXPECT_NE(draws_of(0, prompts({{1, 2, 3}}), 0), draws_of(1, prompts({{1, 2, 3}}), 0));
  EXPECT_NE(draws_of(0, prompts({{1, 2, 3}}), 0),
            draws_of(uint64_t{1} << 32, prompts({{1, 2, 3}}), 0));
  EXPECT_NE(draws_of(0, prompts({{1, 2, 3}}), 0), draws_of(0, prompts({{1, 2, 4}}), 0));
}

TEST(Sampler, DrawsDoNotDependOnTheRestOfTheBatch) {
  const auto alone = draws_of(7, prompts({{4, 5}}), 0);
  EXPECT_EQ(draws_of(7, prompts({{9, 9, 9}, {-1, 4, 5}}), 1), alone);
  const Tensor twice = prompts({{4, 5}, {4, 5}});
  EXPECT_EQ(draws_of(7, twice, 0), alone);
  EXPECT_NE(draws_of(7, twice, 1), alone) << "copies of a prompt must not get copies of its text";
}

}  // namespace
}  // namespace inseq::generation
