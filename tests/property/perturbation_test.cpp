// LIME, occlusion by groups and ReAGent.
#include <gtest/gtest.h>

#include "methods/surrogate/linear_model.h"
#include "support/pullback.h"
#include "support/tiny_folder.h"

namespace inseq::test {
namespace {

const std::string kText = "The dog ate the food of the cat";

SequenceAttribution explain(const AttributionModel& model, const std::string& method,
                            const Json& arguments, bool granular = true) {
  AttributeOptions options;
  options.method = method;
  options.attribution_args = arguments;
  options.granular = granular;
  return model.attribute({"The dog"}, {kText}, options).sequences[0];
}

std::string error_of(const AttributionModel& model, const std::string& method,
                     const Json& arguments) {
  try {
    explain(model, method, arguments);
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "";
}

TEST(LinearFit, FindsAPlantedModel) {
  const Tensor truth = randn64({5}), x = randn64({40, 5}), y = x.mv(truth) + 3.0;
  const Tensor weights = at::rand({40}, at::kDouble) + 0.1;
  for (const char* kind : {"ridge", "lasso", "linear"}) {
    const Tensor found = methods::fit_linear({kind, 1e-10}, x, y, weights);
    EXPECT_LE((found - truth).abs().max().item<double>(), 1e-7) << kind;
  }
}

/// The gradient of |y - x b - c|² / 2 + penalty vanishes at the solution, more samples than
/// features or fewer.
TEST(LinearFit, SolutionsAreStationary) {
  for (const int64_t samples : {7, 30}) {
    const Tensor x = randn64({samples, 12}), y = randn64({samples});
    const Tensor w = at::rand({samples}, at::kDouble);
    const auto slope = [&](const Tensor& b, const Tensor& weights) {
      const Tensor rest = y - x.mv(b);
      return x.t().mv(weights * (rest - weights.dot(rest) / weights.sum()));
    };
    const Tensor ridge = methods::fit_linear({"ridge", 0.7}, x, y, w);
    EXPECT_LE((slope(ridge, w) - 0.7 * ridge).abs().max().item<double>(), 1e-9);
    const Tensor lasso = methods::fit_linear({"lasso", 0.05}, x, y, w);
    const auto n = static_cast<double>(samples);
    const Tensor pull = slope(lasso, w * (n / w.sum())) / n;
    EXPECT_LE(pull.abs().max().item<double>(), 0.05 + 1e-8);
    const Tensor active = lasso.ne(0);
    EXPECT_TRUE(active.any().item<bool>());
    EXPECT_LE((pull - 0.05 * lasso.sign()).masked_select(active).abs().max().item<double>(), 1e-8);
  }
}

TEST(LinearFit, WithoutWeightsThereIsNothingToFit) {
  const Tensor found = methods::fit_linear({"ridge", 1.0}, randn64({4, 3}), randn64({4}),
                                           at::zeros({4}, at::kDouble));
  EXPECT_EQ(found.abs().max().item<double>(), 0);
}

class Perturbing : public testing::Test {
 protected:
  const AttributionModel model_ = load_tiny("llama_base");
};

TEST_F(Perturbing, SeedsDecide) {
  for (const auto& [method, arguments] :
       std::map<std::string, Json>{{"lime", {{"n_samples", 6}}},
                                   {"reagent", {{"num_probes", 2}, {"max_probe_steps", 3}}}}) {
    Json other = arguments;
    other["seed"] = 1;
    const Tensor a = explain(model_, method, arguments).target_attributions;
    EXPECT_EQ(difference(a, explain(model_, method, arguments).target_attributions), 0);
    EXPECT_GT(difference(a, explain(model_, method, other).target_attributions), 0) << method;
  }
}

/// Draws belong to positions, so that a step does not depend on which others are explained.
TEST_F(Perturbing, PositionsOnlySelect) {
  AttributeOptions options;
  options.method = "lime";
  options.attribution_args = {{"n_samples", 8}};
  const SequenceAttribution all = model_.attribute({"The dog"}, {kText}, options).sequences[0];
  options.attr_pos_start = all.attr_pos_start + 2;
  const SequenceAttribution some = model_.attribute({"The dog"}, {kText}, options).sequences[0];
  const Tensor same =
      all.target_attributions.narrow(1, 2, all.attr_pos_end - *options.attr_pos_start);
  EXPECT_LE(difference(some.target_attributions, same), 1e-6 * largest(same));
}

TEST_F(Perturbing, OneNumberPerTokenIsTheNorm) {
  for (const auto& [method, arguments] :
       std::map<std::string, Json>{{"lime", {{"n_samples", 6}, {"mask_value", "embedding"}}},
                                   {"reagent", {{"num_probes", 2}, {"max_probe_steps", 3}}}}) {
    const Tensor whole = explain(model_, method, arguments).target_attributions;
    const Tensor reduced = explain(model_, method, arguments, false).target_attributions;
    EXPECT_LE(difference(reduced, whole.norm(2, {-1}, true)), 1e-5 * largest(reduced)) << method;
  }
}

/// Groups of one token each are the same as no groups.
TEST_F(Perturbing, GroupsOfOneChangeNothing) {
  Json singles = Json::array();
  const auto tokens = static_cast<int>(model_.encode(kText).size());
  for (int i = 0; i < tokens; ++i) singles.push_back(100 - i);
  for (const auto& [method, arguments] :
       std::map<std::string, Json>{{"lime", {{"n_samples", 6}}},
                                   {"occlusion", Json::object()},
                                   {"reagent", {{"num_probes", 3}, {"max_probe_steps", 6}}}}) {
    Json grouped = arguments;
    grouped["feature_mask"] = singles;
    EXPECT_EQ(difference(explain(model_, method, grouped).target_attributions,
                         explain(model_, method, arguments).target_attributions),
              0)
        << method;
    grouped["feature_mask"] = {{"target", singles}};
    EXPECT_EQ(difference(explain(model_, method, grouped).target_attributions,
                         explain(model_, method, arguments).target_attributions),
              0)
        << method;
  }
}

/// A group that is a window gets what the window gets.
TEST_F(Perturbing, GroupsOfNeighboursAreWindows) {
  const auto tokens = static_cast<int>(model_.encode(kText).size());
  Json pairs = Json::array();
  for (int i = 0; i < tokens; ++i) pairs.push_back(i / 2);
  const SequenceAttribution groups =
      explain(model_, "occlusion", {{"feature_mask", pairs}, {"signed", true}});
  const SequenceAttribution windows = explain(
      model_, "occlusion", {{"sliding_window_shapes", 2}, {"strides", 2}, {"signed", true}});
  EXPECT_LE(difference(groups.target_attributions, windows.target_attributions), 1e-12);
}

/// Tokens that are replaced together have one score, and those of the groups add up to one.
TEST_F(Perturbing, ReagentGroupsShareTheirScores) {
  const auto tokens = static_cast<int64_t>(model_.encode(kText).size());
  Json thirds = Json::array();
  for (int64_t i = 0; i < tokens; ++i) thirds.push_back(i % 3);
  const SequenceAttribution s = explain(
      model_, "reagent",
      {{"num_probes", 3}, {"max_probe_steps", 5}, {"keep_top_n", 1}, {"feature_mask", thirds}});
  const Tensor scores = s.target_attributions.select(2, 0);  // [tokens, steps]
  for (int64_t step = 0; step < scores.size(1); ++step) {
    const int64_t seen = s.attr_pos_start + step;
    const Tensor column = scores.select(1, step).narrow(0, 0, seen);
    for (int64_t i = 3; i < seen; ++i)
      EXPECT_EQ(column[i].item<float>(), column[i - 3].item<float>()) << "token " << i;
    const Tensor groups = column.narrow(0, 0, std::min<int64_t>(3, seen));
    EXPECT_NE(groups.min().item<float>(), groups.max().item<float>());
    EXPECT_NEAR(groups.sum().item<double>(), 1, 1e-5);
  }
}

TEST_F(Perturbing, WrongOptionsAreNamed) {
  EXPECT_NE(error_of(model_, "lime", {{"feature_mask", {1, 2}}}).find("2 group numbers"),
            std::string::npos);
  EXPECT_NE(error_of(model_, "lime", {{"feature_mask", "word"}}).find("needed is a list"),
            std::string::npos);
  EXPECT_NE(
      error_of(model_, "lime", {{"interpretable_model", "rigde"}}).find("did you mean \"ridge\""),
      std::string::npos);
  EXPECT_NE(
      error_of(model_, "occlusion", {{"feature_mask", Json::array()}, {"sliding_window_shapes", 2}})
          .find("beside \"feature_mask\""),
      std::string::npos);
  EXPECT_NE(error_of(model_, "reagent", {{"keep_top_n", 0}}).find("\"keep_ratio\" is needed"),
            std::string::npos);
  EXPECT_NE(error_of(model_, "value_zeroing", {{"decoder_zeroed_units_indices", {{"9", 0}}}})
                .find("there are layers 0 to"),
            std::string::npos);
  EXPECT_NE(
      error_of(model_, "value_zeroing", {{"decoder_zeroed_units_indices", "2"}}).find("first:end"),
      std::string::npos);
  EXPECT_NE(error_of(model_, "value_zeroing", {{"decoder_zeroed_units_indices", 77}})
                .find("names value head 77"),
            std::string::npos);
  EXPECT_NE(error_of(model_, "value_zeroing", {{"cross_zeroed_units_indices", 0}})
                .find("models with an encoder"),
            std::string::npos);
  EXPECT_NE(error_of(model_, "discretized_integrated_gradients", {{"n_neighbors", 100000}})
                .find("the vocabulary has"),
            std::string::npos);
}

/// Scores of a step are a distribution over the tokens that it sees, whether probes stop or not.
TEST_F(Perturbing, ReagentScoresAddUpToOne) {
  for (const int rounds : {1, 40}) {
    for (const bool inverted : {false, true}) {
      const SequenceAttribution s =
          explain(model_, "reagent",
                  {{"num_probes", 3}, {"max_probe_steps", rounds}, {"invert_keep", inverted}});
      const Tensor sums = s.target_attributions.nan_to_num(0).sum(0);
      EXPECT_LE((sums - 1).abs().max().item<double>(), 1e-5);
    }
  }
}

}  // namespace
}  // namespace inseq::test
