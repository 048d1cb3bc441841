// Perturbation methods and discretized paths on a model with an encoder.
#include <gtest/gtest.h>

#include "methods/registry/method.h"
#include "support/tiny_encoder_decoder.h"
#include "support/tiny_folder.h"

namespace inseq::test {
namespace {

constexpr int64_t kSource = 4, kFirst = 1, kLast = 6;

engine::Question question(bool attribute_target) {
  engine::Question q;
  q.ids = {at::tensor({3, 5, 7, 1}, at::kLong), at::tensor({2, 4, 6, 8, 10, 12, 1}, at::kLong)};
  q.baseline_ids = {at::zeros({kSource}, at::kLong), at::zeros({7}, at::kLong)};
  q.first = kFirst;
  q.last = kLast;
  q.special = {.unk = 0, .pad = 1, .vocab = 13, .all = {0, 1, 2}};
  q.text_of = [](int64_t id, bool) { return id % 3 == 0 ? "the" : "house"; };
  q.attribute_target = attribute_target;
  q.attributed_function = step_functions::bind("probability");
  return q;
}

engine::Answer explain(const std::string& method, const Json& given, bool attribute_target) {
  static const auto model = tiny_encoder_decoder({});
  const methods::Method& chosen = *methods::methods().at(method);
  return chosen.attribute(engine::Engine(*model, {}), question(attribute_target),
                          complete_options(chosen.info().options, given, method));
}

const std::map<std::string, Json> kMethods = {
    {"lime", {{"n_samples", 5}}},
    {"occlusion", {{"feature_mask", {{"source", {0, 0, 1, 1}}}}}},
    {"reagent", {{"num_probes", 2}, {"max_probe_steps", 4}}},
    {"value_zeroing", Json::object()},
    {"discretized_integrated_gradients", {{"n_steps", 4}, {"n_neighbors", 5}}}};

TEST(WithAnEncoder, SourceAndTargetHaveTheirShapes) {
  for (const auto& [method, arguments] : kMethods) {
    for (const bool attribute_target : {false, true}) {
      const engine::Answer answer = explain(method, arguments, attribute_target);
      ASSERT_EQ(answer.source.size(0), kSource) << method;
      ASSERT_EQ(answer.source.size(1), kLast - kFirst) << method;
      EXPECT_TRUE(answer.source.isfinite().all().item<bool>()) << method;
      ASSERT_EQ(answer.target.defined(), attribute_target) << method;
      if (!attribute_target) continue;
      ASSERT_EQ(answer.target.size(0), kLast) << method;
      for (int64_t step = 0; step < kLast - kFirst; ++step) {
        const int64_t seen = kFirst + step;
        const Tensor column = answer.target.select(1, step);
        EXPECT_TRUE(column.narrow(0, 0, seen).isfinite().all().item<bool>()) << method;
        EXPECT_TRUE(column.narrow(0, seen, kLast - seen).isnan().all().item<bool>()) << method;
      }
    }
  }
}

TEST(WithAnEncoder, ReagentScoresOfBothSidesAddUpToOne) {
  const engine::Answer both = explain("reagent", kMethods.at("reagent"), true);
  const Tensor sums = both.source.select(2, 0).sum(0) + both.target.select(2, 0).nansum(0);
  EXPECT_LE((sums - 1).abs().max().item<double>(), 1e-6);
}

TEST(WithAnEncoder, ReagentReplacesGroupsOfBothSides) {
  Json options = kMethods.at("reagent");
  options["feature_mask"] = {{"source", {7, 7, 7, 2}}};
  const engine::Answer both = explain("reagent", options, true);
  const Tensor source = both.source.select(2, 0);  // [tokens, steps]
  EXPECT_TRUE(source[0].equal(source[1]) && source[1].equal(source[2]));
  EXPECT_FALSE(source[2].equal(source[3]));
  const Tensor sums = source[2] + source[3] + both.target.select(2, 0).nansum(0);
  EXPECT_LE((sums - 1).abs().max().item<double>(), 1e-6);
}

TEST(WithAnEncoder, ValueZeroingGivesScoresOfEveryAttention) {
  // Cosines hardly move where a layer's output hardly does: no distance counts as 0 here.
  const engine::Answer answer = explain("value_zeroing", {{"min_score_threshold", 0.0}}, false);
  const auto expect_rows = [](const Tensor& scores) {  // [tokens, rows, layers]
    EXPECT_LE((scores.nansum(0) - 1).abs().max().item<double>(), 1e-6) << scores.nansum(0);
  };
  expect_rows(answer.source);
  expect_rows(answer.sequence_scores.at("encoder_self_scores"));
  expect_rows(answer.sequence_scores.at("decoder_self_scores"));
  const engine::Answer few = explain(
      "value_zeroing",
      {{"output_decoder_self_scores", false}, {"output_encoder_self_scores", false}}, false);
  EXPECT_TRUE(few.sequence_scores.empty());
}

/// One list of numbers means the source when it alone is attributed.
TEST(WithAnEncoder, GroupsOfTheSourceAreOccludedTogether) {
  const engine::Answer answer = explain("occlusion", kMethods.at("occlusion"), true);
  EXPECT_TRUE(answer.source[0].equal(answer.source[1]));
  EXPECT_TRUE(answer.source[2].equal(answer.source[3]));
  EXPECT_FALSE(answer.source[1].equal(answer.source[2]));
  const engine::Answer alone = explain("occlusion", kMethods.at("occlusion"), false);
  EXPECT_TRUE(alone.source.allclose(answer.source));
  EXPECT_THROW(explain("occlusion", {{"feature_mask", {0, 0, 1, 1}}}, true), InvalidArgument);
  EXPECT_NO_THROW(explain("occlusion", {{"feature_mask", {0, 0, 1, 1}}}, false));
}

}  // namespace
}  // namespace inseq::test
