// What holds for every attribution of models with an encoder.
#include <gtest/gtest.h>

#include "support/tiny_folder.h"

namespace inseq::test {
namespace {

constexpr const char* kSource = "The dog ate the food.";
constexpr const char* kTarget = "Le chien a mangé.";

AttributeOptions both_sides(const std::string& method) {
  AttributeOptions options;
  options.method = method;
  options.attribute_target = true;
  return options;
}

class Translations : public testing::TestWithParam<std::string> {
 protected:
  SequenceAttribution explained(const AttributeOptions& options) const {
    return model_.attribute({kSource}, {kTarget}, options).sequences[0];
  }
  AttributionModel model_ = load_tiny(GetParam());
};

TEST_P(Translations, ABatchEqualsItsMembers) {
  const std::vector<std::string> sources = {"A cat", kSource, "She is at home"},
                                 targets = {"Un chat", kTarget, "Elle est à la maison"};
  for (const char* method : {"saliency", "attention", "occlusion"}) {
    const AttributeOptions options = both_sides(method);
    const AttributionOutput all = model_.attribute(sources, targets, options);
    for (size_t i = 0; i < sources.size(); ++i) {
      const SequenceAttribution one =
          model_.attribute({sources[i]}, {targets[i]}, options).sequences[0];
      EXPECT_EQ(one.source, all.sequences[i].source);
      EXPECT_EQ(one.target, all.sequences[i].target);
      EXPECT_EQ(difference(one.source_attributions, all.sequences[i].source_attributions), 0);
      EXPECT_EQ(difference(one.target_attributions, all.sequences[i].target_attributions), 0);
    }
  }
}

TEST_P(Translations, PositionsOnlySelect) {
  for (const char* method : {"saliency", "attention", "occlusion", "integrated_gradients"}) {
    AttributeOptions options = both_sides(method);
    const SequenceAttribution all = explained(options);
    options.attr_pos_start = 3;
    options.attr_pos_end = -2;
    const SequenceAttribution some = explained(options);
    EXPECT_EQ(some.attr_pos_start, 3);
    EXPECT_EQ(some.attr_pos_end, all.attr_pos_end - 2);
    const int64_t steps = some.attr_pos_end - 3;
    const Tensor source = all.source_attributions.narrow(1, 2, steps);
    const Tensor target =
        all.target_attributions.narrow(0, 0, some.attr_pos_end).narrow(1, 2, steps);
    EXPECT_LE(difference(some.source_attributions, source), 1e-6 * largest(source)) << method;
    EXPECT_LE(difference(some.target_attributions, target), 1e-6 * largest(target)) << method;
  }
}

/// Of the steps of a source and a target together, attention weights add up to two: one for each.
TEST_P(Translations, AttentionOfEachSideSumsToOne) {
  const SequenceAttribution s = explained(both_sides("attention"));
  for (const Tensor& weights : {s.source_attributions, s.target_attributions}) {
    const Tensor sums = weights.nansum(0);
    EXPECT_LE((sums - 1).abs().max().item<double>(), 1e-5);
  }
}

/// Sundararajan et al. 2017: attributions add up to what the baseline lacks, the better the more
/// path points.
TEST_P(Translations, IntegratedGradientsAddUpBetterWithMorePoints) {
  AttributeOptions options = both_sides("integrated_gradients");
  options.attributed_fn = "logit";
  const auto totals = [&](int points) {
    options.attribution_args = {{"n_steps", points}};
    const SequenceAttribution s = explained(options);
    const Tensor source = s.source_attributions.sum(-1).sum(0),
                 target = s.target_attributions.sum(-1).nansum(0);
    return source + target;
  };
  const Tensor exact = totals(300);
  const double few = largest(totals(5) - exact), many = largest(totals(100) - exact);
  EXPECT_LT(many, few);
  EXPECT_LE(many, 0.05 * largest(exact));
}

INSTANTIATE_TEST_SUITE_P(Models, Translations,
                         testing::Values("marian_scaled", "bart_base", "m2m100_base",
                                         "pegasus_base", "t5_gated", "umt5_base"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace inseq::test
