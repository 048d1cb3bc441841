// Gradients at the outputs of inner layers.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "methods/registry/method.h"
#include "support/tiny_model.h"

namespace inseq::engine {
namespace {

using models::Tap;
using test::tiny_model;
using test::TinyModel;

Question question_at(std::optional<Tap> layer) {
  Question q;
  q.ids.target = (at::arange(9) * 7 + 3) % 13;
  q.baseline_ids.target = at::full({9}, 5, at::kLong);
  q.first = 3;
  q.last = 9;
  q.attributed_function = step_functions::bind("logit");
  q.layer = layer;
  return q;
}

bool same(const Tensor& a, const Tensor& b, double bound) {
  return a.sizes() == b.sizes() && at::allclose(a, b, bound, bound, /*equal_nan=*/true);
}

const std::vector<TinyModel> kModels = {{}, {.hidden = 12, .llama = false}, {.dynamic_from = 5}};

template <typename Check>
void for_each_tap(const Check& check) {
  for (const TinyModel& shape : kModels) {
    const models::DecoderOnly model = tiny_model(shape);
    for (const auto& [name, tap] : model.taps()) {
      SCOPED_TRACE(name);
      check(model, tap);
    }
  }
}

TEST(Layers, GradientsEqualAutogradStepByStep) {
  for_each_tap([](const models::DecoderOnly& model, const Tap& tap) {
    const Question q = question_at(tap);
    const Answer fast = Engine(model, {}).gradients(q, {});
    const Answer slow = Engine(model, {.backend = Backend::kAutograd}).gradients(q, {});
    EXPECT_GT(fast.target.nan_to_num().abs().max().item<double>(), 1e-6);
    EXPECT_TRUE(same(fast.target, slow.target, 2e-7));
  });
}

TEST(Layers, IntegratedGradientsAddUpToTheChangeOfTheScore) {
  for_each_tap([](const models::DecoderOnly& model, const Tap& tap) {
    if (tap.block) return;  // a block's output is not all that changes
    const methods::Method& method = *methods::methods().at("layer_integrated_gradients");
    const Json options = complete_options(
        method.info().options,
        {{"target_layer", tap.layer}, {"n_steps", 600}, {"return_convergence_delta", true}},
        "the test");
    const Question q = question_at({});
    const Answer answer = method.attribute(Engine(model, {}), q, options);
    EXPECT_LE(answer.step_scores.at("deltas").abs().max().item<double>(),
              1e-4 * std::max(1.0, answer.totals.abs().max().item<double>()));
  });
}

TEST(Layers, DeepLiftWithoutItsModulesIsTheGradientTimesTheDifference) {
  const models::DecoderOnly model = tiny_model({});  // SiLU, which Captum leaves alone
  const auto run = [&](const char* name, const Json& given) {
    const methods::Method& method = *methods::methods().at(name);
    return method.attribute(Engine(model, {}), question_at({}),
                            complete_options(method.info().options, given, "the test"));
  };
  const Tensor rescaled = run("layer_deeplift", {{"target_layer", 0}}).target;
  const Tensor point = run("layer_integrated_gradients",
                           {{"target_layer", 0}, {"n_steps", 2}, {"method", "riemann_right"}})
                           .target;
  const Tensor all = run("layer_deeplift", {{"target_layer", 0}, {"rescale", "all"}}).target;
  EXPECT_FALSE(same(rescaled, all, 1e-6));
  EXPECT_FALSE(same(rescaled, point, 1e-9));
  const Tensor whole = run("deeplift", {}).target;
  const Tensor embeddings = run("layer_deeplift", {}).target;
  EXPECT_TRUE(same(whole, embeddings, 1e-7));
}

TEST(Layers, UnknownNamesOfferTheNearest) {
  const models::DecoderOnly model = tiny_model({});
  const methods::Method& method = *methods::methods().at("layer_gradient_x_activation");
  for (const Json& layer : {Json("model.layer.0"), Json(2), Json(-3), Json(true)}) {
    const Json options =
        complete_options(method.info().options, {{"target_layer", layer}}, "the test");
    EXPECT_THROW(method.attribute(Engine(model, {}), question_at({}), options), Error)
        << layer.dump();
  }
}

}  // namespace
}  // namespace inseq::engine
