// What attributions add up to: changes of the score that follow from other texts alone.
#include <gtest/gtest.h>

#include "methods/registry/method.h"
#include "support/tiny_encoder_decoder.h"
#include "support/tiny_folder.h"
#include "support/tiny_model.h"

namespace inseq::test {
namespace {

constexpr int64_t kBaseline = 0;  // the token that stands for nothing

struct Case {
  const char* name;
  std::function<std::unique_ptr<models::LanguageModel>()> model;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::unique_ptr<models::LanguageModel> decoder(const TinyModel& shape) {
  return std::make_unique<models::DecoderOnly>(tiny_model(shape));
}

/// Source and target tokens before a step, one after the other: [tokens of both, steps, ...].
Tensor both_sides(const engine::Answer& answer) {
  if (!answer.source.defined()) return answer.target;
  return at::cat({answer.source, answer.target});
}

class LeavingOneOut : public testing::TestWithParam<Case> {
 protected:
  engine::Question question() const {
    engine::Question q;
    if (model_->sizes().encoder_layers > 0) q.ids.source = at::tensor({3, 5, 7, 1}, at::kLong);
    q.ids.target = at::tensor({2, 4, 6, 8, 10, 12, 1}, at::kLong);
    if (q.ids.source.defined()) q.baseline_ids.source = at::full({4}, kBaseline, at::kLong);
    q.baseline_ids.target = at::full({7}, kBaseline, at::kLong);
    q.first = 2;
    q.last = 7;
    q.attribute_target = true;
    q.attributed_function = step_functions::bind("logit");
    return q;
  }

  engine::Answer explain(const std::string& method, const Json& given) const {
    const methods::Method& chosen = *methods::methods().at(method);
    return chosen.attribute(engine::Engine(*model_, {}), question(),
                            complete_options(chosen.info().options, given, method));
  }

  /// Scores of the steps when the tokens at some places of both_sides() are the baseline's; the
  /// tokens that are predicted stay. [steps]
  Tensor scores_without(const std::vector<int64_t>& places) const {
    engine::Question q = question();
    const int64_t source = q.ids.source.defined() ? q.ids.source.size(0) : 0;
    Tensor targets = q.ids.target.clone();
    for (const int64_t place : places) {
      if (place < source)
        q.ids.source[place] = kBaseline;
      else
        targets[place - source] = kBaseline;
    }
    Tensor all = at::empty({q.steps()}, at::kFloat);
    for (int64_t position = q.first; position < q.last; ++position) {
      engine::Question one = q;
      one.first = position, one.last = position + 1;
      one.ids.target =
          at::cat({targets.narrow(0, 0, position), q.ids.target.narrow(0, position, 1)});
      one.step_scores["score"] = question().attributed_function;
      all[position - q.first] = engine::Engine(*model_, {}).scores(one).step_scores.at("score")[0];
    }
    return all;
  }

  int64_t places() const {
    const engine::Question q = question();
    return (q.ids.source.defined() ? q.ids.source.size(0) : 0) + q.last - 1;
  }

  const std::unique_ptr<models::LanguageModel> model_ = GetParam().model();
};

/// Occlusion is the score lost by leaving out one token.
TEST_P(LeavingOneOut, IsOcclusion) {
  const Tensor found = both_sides(explain("occlusion", {{"signed", true}}));
  const Tensor whole = scores_without({});
  for (int64_t place = 0; place < places(); ++place) {
    const Tensor expected = whole - scores_without({place});
    const Tensor seen = found[place].isfinite();
    ASSERT_TRUE(seen.any().item<bool>()) << place;
    EXPECT_LE((found[place] - expected).masked_select(seen).abs().max().item<double>(), 1e-6)
        << "token " << place;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, LeavingOneOut,
                         testing::Values(Case{"Llama", [] { return decoder({.kv_heads = 1}); }},
                                         Case{"Gpt2", [] { return decoder({.llama = false}); }},
                                         Case{"Marian",
                                              []() -> std::unique_ptr<models::LanguageModel> {
                                                return tiny_encoder_decoder({});
                                              }},
                                         Case{"T5",
                                              []() -> std::unique_ptr<models::LanguageModel> {
                                                return tiny_encoder_decoder({.t5 = true});
                                              }}),
                         [](const auto& info) { return info.param.name; });

/// Models whose scores are smooth enough for paths to be summed.
class PathSums : public testing::TestWithParam<std::string> {
 protected:
  /// Of the target without an encoder, else of the source.
  Tensor explain(const std::string& method, const Json& given, Tensor* deltas = nullptr) const {
    AttributeOptions options;
    options.method = method;
    options.attribution_args = given;
    options.attributed_fn = "logit";
    const bool encodes = model_.is_encoder_decoder();
    const SequenceAttribution s =
        model_
            .attribute({encodes ? "The dog ate the food." : "The dog"},
                       {encodes ? "Le chien a mangé." : "The dog ate the food"}, options)
            .sequences[0];
    if (deltas != nullptr) *deltas = s.step_scores.at("deltas");
    return encodes ? s.source_attributions : s.target_attributions;
  }

  const AttributionModel model_ = load_tiny(GetParam());
};

/// Enguehard 2023: a token's own path ends where it is left out.
TEST_P(PathSums, OfSequentialPathsAreWhatLeavingOneOutCosts) {
  const Tensor found = explain("sequential_integrated_gradients", {{"n_steps", 200}}).sum(-1);
  const Tensor left_out = explain("occlusion", {{"signed", true}});
  EXPECT_LE(difference(found, left_out), 1e-3 * largest(left_out));
}

/// Deltas are what attributions add up to beyond the change of the score from an empty text.
TEST_P(PathSums, LackTheDeltas) {
  const Tensor left_out = explain("occlusion", {{"signed", true}});
  Json mask = Json::array();
  for (int64_t i = 0; i < left_out.size(0); ++i) mask.push_back(0);
  const Tensor change =  // [steps]: every token of a group has that of the group
      explain("occlusion", {{"signed", true}, {"feature_mask", mask}})[0];
  const auto deltas = [&](const char* method, Json options) {
    options["return_convergence_delta"] = true;
    Tensor given;
    const Tensor sums = explain(method, options, &given).nansum(0).sum(-1);
    EXPECT_LE(difference(given, sums - change), 1e-5 * largest(change)) << method;
    return largest(given) / largest(change);
  };
  const double few = deltas("integrated_gradients", {{"n_steps", 2}});
  const double many = deltas("integrated_gradients", {{"n_steps", 200}});
  EXPECT_GT(few, 1e-3);
  EXPECT_LE(many, 1e-2 * few);
  EXPECT_GT(deltas("gradient_shap", {{"n_samples", 3}}), 1e-3);
  EXPECT_LE(deltas("gradient_shap", {{"n_samples", 3000}}), 0.1);
  EXPECT_GT(deltas("deeplift", {{"rescale", "captum"}}), 1e-3);
  EXPECT_LE(deltas("deeplift", {{"rescale", "all"}}), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Models, PathSums,
                         testing::Values("llama_base", "gpt2_base", "llama_head_dim", "marian_base",
                                         "bart_base", "t5_gated"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace inseq::test
