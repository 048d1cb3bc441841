#include <gtest/gtest.h>

#include <cmath>

#include "step_functions/registry/step_function.h"
#include "support/pullback.h"

namespace inseq::step_functions {
namespace {

double score(const char* name, std::vector<double> logits, int64_t target) {
  return bind(name)(at::tensor(logits, at::kDouble).unsqueeze(0), at::tensor({target}))
      .item<double>();
}

TEST(StepFunctions, OfAKnownDistribution) {
  const std::vector<double> logits{std::log(0.5), std::log(0.25), std::log(0.25)};
  EXPECT_NEAR(score("logit", logits, 1), std::log(0.25), 1e-12);
  EXPECT_NEAR(score("probability", logits, 1), 0.25, 1e-12);
  EXPECT_NEAR(score("crossentropy", logits, 1), std::log(4.0), 1e-12);
  EXPECT_NEAR(score("entropy", logits, 1), 1.5 * std::log(2.0), 1e-12);
}

TEST(StepFunctions, PerplexityIsTwoToThePowerOfNats) {
  const std::vector<double> logits{std::log(0.5), std::log(0.25), std::log(0.25)};
  EXPECT_NEAR(score("perplexity", logits, 1), std::pow(2.0, std::log(4.0)), 1e-12);
}

TEST(StepFunctions, ProbabilityGivesItsLogarithmOnRequest) {
  const Tensor logits =
      at::tensor({std::log(0.5), std::log(0.25), std::log(0.25)}, at::kDouble).unsqueeze(0);
  EXPECT_NEAR(bind("probability", {{"logprob", true}})(logits, at::tensor({2})).item<double>(),
              std::log(0.25), 1e-12);
  EXPECT_THROW(bind("probability", {{"logprob", "yes"}}), InvalidArgument);
}

TEST(StepFunctions, StepsDoNotMix) {
  const Tensor logits = test::randn64({4, 9}), targets = at::tensor({3, 0, 8, 5});
  for (const std::string& name : step_functions().names()) {
    const BoundFunction function = bind(name);
    const Tensor together = function(logits, targets);
    ASSERT_EQ(together.sizes(), (std::vector<int64_t>{4})) << name;
    for (int64_t s = 0; s < 4; ++s) {
      const Tensor alone = function(logits.narrow(0, s, 1), targets.narrow(0, s, 1));
      EXPECT_NEAR(together[s].item<double>(), alone.item<double>(), 1e-12) << name;
    }
  }
}

TEST(StepFunctions, LargeLogitsStayFinite) {
  for (const std::string& name : step_functions().names()) {
    EXPECT_TRUE(std::isfinite(score(name.c_str(), {1e4, -1e4, 0}, 0))) << name;
  }
}

}  // namespace
}  // namespace inseq::step_functions
