// Integrated gradients that choose their own points.
#include <gtest/gtest.h>

#include "support/tiny_folder.h"

namespace inseq::test {
namespace {

struct Case {
  std::string model;
  bool attribute_target;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.model << (c.attribute_target ? " both sides" : " one side");
}

class Tolerance : public testing::TestWithParam<Case> {
 protected:
  SequenceAttribution explained(const Json& arguments, bool granular = true,
                                const std::string& function = "probability") const {
    AttributeOptions options;
    options.method = "integrated_gradients";
    options.attributed_fn = function;
    options.attribute_target = GetParam().attribute_target;
    options.attribution_args = arguments;
    options.attribution_args["return_convergence_delta"] = true;
    options.granular = granular;
    options.step_scores = {"entropy"};
    const std::string text = "The dog ate the food and she is at home";
    if (model_.is_encoder_decoder()) return model_.attribute({text}, {text}, options).sequences[0];
    return model_.attribute({"The dog"}, {text + " with it"}, options).sequences[0];
  }
  const AttributionModel model_ = load_tiny(GetParam().model);
};

double largest_of(const SequenceAttribution& s) {
  return std::max(s.source_attributions.defined() ? largest(s.source_attributions) : 0,
                  s.target_attributions.defined() ? largest(s.target_attributions) : 0);
}

/// The greater difference of both sides.
double difference_of(const SequenceAttribution& a, const SequenceAttribution& b) {
  double worst = 0;
  for (const auto side :
       {&SequenceAttribution::source_attributions, &SequenceAttribution::target_attributions}) {
    if ((a.*side).defined() != (b.*side).defined()) return INFINITY;
    if ((a.*side).defined()) worst = std::max(worst, difference(a.*side, b.*side));
  }
  return worst;
}

double worst_delta(const SequenceAttribution& s) {
  return s.step_scores.at("deltas").abs().max().item<double>();
}

TEST_P(Tolerance, IsKeptAndTheAttributionsAreThoseOfManyPoints) {
  const SequenceAttribution exact = explained({{"n_steps", 300}}, true, "logit");
  const double change =
      largest(explained({{"n_steps", 1}}, true, "logit").step_scores.at("deltas"));
  for (const double tolerance : {0.05 * change, 2e-3 * change}) {
    const SequenceAttribution found = explained({{"tolerance", tolerance}}, true, "logit");
    EXPECT_LE(worst_delta(found), tolerance * 1.001);
    if (tolerance < 0.01 * change) {
      EXPECT_LE(difference_of(found, exact), 0.1 * largest_of(exact));
    }
  }
}

/// More steps than are integrated together, few points in a pass, reduced to one number a token or
/// not.
TEST_P(Tolerance, BlocksOfStepsAndTheirReductionChangeNothing) {
  const Json arguments = {{"tolerance", 1e-3}};
  SequenceAttribution all = explained(arguments);
  ASSERT_GT(all.attr_pos_end - all.attr_pos_start, 16);
  const SequenceAttribution in_parts = explained({{"tolerance", 1e-3}, {"internal_batch_size", 3}});
  EXPECT_LE(difference_of(in_parts, all), 1e-6 * largest_of(all));
  const SequenceAttribution reduced = explained(arguments, /*granular=*/false);
  for (Tensor* side : {&all.source_attributions, &all.target_attributions}) {
    if (side->defined()) *side = side->norm(2, {-1}, /*keepdim=*/true);
  }
  EXPECT_LE(difference_of(reduced, all), 1e-6 * largest_of(all));
  EXPECT_TRUE(all.step_scores.at("entropy").isfinite().all().item<bool>());
  EXPECT_TRUE(at::equal(reduced.step_scores.at("entropy"), all.step_scores.at("entropy")));
}

/// Without a tolerance to reach, all points are used: the more, the smaller the gap.
TEST_P(Tolerance, NeverTakesMorePointsThanAllowed) {
  const auto gap = [&](int points) {
    return worst_delta(explained({{"tolerance", 0.0}, {"max_n_steps", points}}, true, "logit"));
  };
  EXPECT_LT(gap(64), gap(8));
  EXPECT_LT(gap(8), gap(1));
}

/// With a single panel's points the result is that rule's.
TEST_P(Tolerance, OnePanelIsTheRuleItself) {
  for (const int points : {1, 2, 3}) {
    const SequenceAttribution found =
        explained({{"tolerance", 0.0}, {"max_n_steps", points}}, true, "logit");
    const SequenceAttribution rule = explained({{"n_steps", std::min(points, 2)}}, true, "logit");
    EXPECT_LE(difference_of(found, rule), 1e-6 * largest_of(rule));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Tolerance,
                         testing::Values(Case{"llama_base", true}, Case{"gpt2_base", true},
                                         Case{"marian_scaled", true}, Case{"marian_scaled", false},
                                         Case{"t5_gated", true}),
                         [](const auto& info) {
                           return info.param.model +
                                  (info.param.attribute_target ? "_both" : "_source");
                         });

}  // namespace
}  // namespace inseq::test
