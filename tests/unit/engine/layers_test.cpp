// Gradients at the outputs of inner layers.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "methods/registry/method.h"
#include "support/tiny_encoder_decoder.h"
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

// --- with an encoder: the half that the layer is in is explained ---------------------------------

Question two_sides(bool attribute_target) {
  Question q = question_at({});
  q.ids.source = (at::arange(5) * 5 + 2) % 13;
  q.baseline_ids.source = at::full({5}, 4, at::kLong);
  q.attribute_target = attribute_target;
  return q;
}

Answer explained(const Engine& engine, const std::string& method, const Json& options,
                 const Question& question) {
  const methods::Method& found = *methods::methods().at(method);
  return found.attribute(engine, question,
                         complete_options(found.info().options, options, "the test"));
}

constexpr auto kBefore = models::NormPlacement::kBefore;
const std::vector<test::TinyEncoderDecoder> kTwoSides = {
    {.encoder_layers = 2, .layers = 2},
    {.encoder_layers = 2, .layers = 2, .placement = kBefore},
    {.encoder_layers = 1, .layers = 2, .placement = kBefore, .t5 = true}};

/// Calls check(model, tap, name) for each place of each model.
template <typename Check>
void for_each_place(const Check& check) {
  for (const test::TinyEncoderDecoder& shape : kTwoSides) {
    const auto model = test::tiny_encoder_decoder(shape);
    for (const auto& [name, tap] : model->taps()) {
      SCOPED_TRACE(name);
      check(*model, tap, name);
    }
  }
}

void expect_one_half(const Answer& answer, const Tap& tap) {
  EXPECT_EQ(answer.source.defined(), tap.half == models::Half::kEncoder);
  EXPECT_EQ(answer.target.defined(), tap.half == models::Half::kDecoder);
}

TEST(LayersOfTwoHalves, GradientsEqualAutogradStepByStep) {
  for_each_place([](const models::LanguageModel& model, const Tap& tap, const std::string& name) {
    for (const bool attribute_target : {false, true}) {
      const auto with = [&](Backend backend) {
        return explained(Engine(model, {.backend = backend}), "layer_gradient_x_activation",
                         {{"target_layer", name}}, two_sides(attribute_target));
      };
      const Answer fast = with(Backend::kPullback), slow = with(Backend::kAutograd);
      expect_one_half(fast, tap);
      expect_one_half(slow, tap);
      const bool encodes = tap.half == models::Half::kEncoder;
      const Tensor& found = encodes ? fast.source : fast.target;
      EXPECT_GT(found.nan_to_num().abs().max().item<double>(), 1e-6);
      EXPECT_TRUE(same(found, encodes ? slow.source : slow.target, 2e-7));
    }
  });
}

/// A step's score when a place's outputs are `x` and everything else is the text's own.
Tensor score_at(const models::LanguageModel& model, const Tap& tap, const Tensor& x,
                int64_t position) {
  const Question q = two_sides(false);
  const Sides own =
      model.embed({q.ids.source.unsqueeze(0), q.ids.target.narrow(0, 0, position).unsqueeze(0)});
  const bool encodes = tap.half == models::Half::kEncoder;
  const Sides read{encodes ? x : Tensor(), encodes ? own.target : x};
  const Tensor hidden = model.forward(read, {.tap = &tap, .base = &own})->final_hidden;
  return model.logits(hidden)[0][position - 1][q.ids.target[position].item<int64_t>()];
}

/// A place's outputs for the baseline (attribute_target: of both sides) or the text itself.
Tensor outputs_at(const models::LanguageModel& model, const Tap& tap, bool baseline,
                  bool attribute_target, int64_t position) {
  const Question q = two_sides(false);
  const Tensor& target = baseline && attribute_target ? q.baseline_ids.target : q.ids.target;
  const Tensor& source = baseline ? q.baseline_ids.source : q.ids.source;
  const Sides at = model.at_tap(
      tap, model.embed({source.unsqueeze(0), target.narrow(0, 0, position).unsqueeze(0)}), 0);
  return tap.half == models::Half::kEncoder ? at.source : at.target;
}

constexpr int64_t kPoints = 3;  // on the line

TEST(LayersOfTwoHalves, IntegratedGradientsAreTheirDefinition) {
  for_each_place([](const models::LanguageModel& model, const Tap& tap, const std::string& name) {
    for (const bool attribute_target : {false, true}) {
      const Answer found =
          explained(Engine(model, {}), "layer_integrated_gradients",
                    {{"target_layer", name}, {"n_steps", kPoints}, {"method", "riemann_right"}},
                    two_sides(attribute_target));
      expect_one_half(found, tap);
      for (const int64_t position : {3, 8}) {
        const Tensor x = outputs_at(model, tap, false, attribute_target, position);
        const Tensor from = outputs_at(model, tap, true, attribute_target, position);
        Tensor sum = at::zeros_like(x);
        for (int64_t k = 1; k <= kPoints; ++k) {
          const at::AutoGradMode recording(true);
          const Tensor at = (from + (x - from) * k / kPoints).detach().requires_grad_();
          sum += torch::autograd::grad({score_at(model, tap, at, position)}, {at})[0];
        }
        const Tensor right = (sum * (x - from) / kPoints)[0].to(at::kFloat);
        const bool encodes = tap.half == models::Half::kEncoder;
        const Tensor step = (encodes ? found.source : found.target).select(1, position - 3);
        EXPECT_TRUE(same(step.narrow(0, 0, right.size(0)), right, 1e-6)) << position;
      }
    }
  });
}

TEST(LayersOfTwoHalves, IntegratedGradientsAddUpToWhatTheLayerChanges) {
  for_each_place([](const models::LanguageModel& model, const Tap& tap, const std::string& name) {
    if (tap.block) return;  // the definition, above, is the same and costs less
    const Answer found =
        explained(Engine(model, {}), "layer_integrated_gradients",
                  {{"target_layer", name}, {"n_steps", 600}, {"return_convergence_delta", true}},
                  two_sides(true));
    for (const int64_t position : {3, 8}) {
      const auto score = [&](bool baseline) {
        return score_at(model, tap, outputs_at(model, tap, baseline, true, position), position)
            .item<double>();
      };
      const double change = score(false) - score(true);
      EXPECT_NEAR(found.totals[position - 3].item<double>(), change,
                  1e-4 * std::max(1.0, std::abs(change)));
    }
    // All that the decoder knows of the source has passed a layer of the encoder.
    if (tap.half != models::Half::kEncoder) return;
    EXPECT_LE(found.step_scores.at("deltas").abs().max().item<double>(),
              1e-4 * std::max(1.0, found.totals.abs().max().item<double>()));
  });
}

TEST(LayersOfTwoHalves, NumbersAreOfTheDecoder) {
  const auto model = test::tiny_encoder_decoder({});
  const auto at = [&](const Json& layer) {
    return explained(Engine(*model, {}), "layer_gradient_x_activation", {{"target_layer", layer}},
                     two_sides(false));
  };
  EXPECT_TRUE(same(at(-1).target, at("decoder.layers.2").target, 0));
  EXPECT_TRUE(same(at(0).target, at("decoder.layers.0").target, 0));
}

TEST(LayersOfTwoHalves, UnknownNamesOfferTheNearest) {
  const auto model = test::tiny_encoder_decoder({});
  const auto message = [&](const Json& layer) -> std::string {
    try {
      explained(Engine(*model, {}), "layer_gradient_x_activation", {{"target_layer", layer}},
                two_sides(false));
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(
      message("decoder.layers.1.encoder_atn"),
      "the model has no layer \"decoder.layers.1.encoder_atn\" whose output can be explained; "
      "did you mean \"decoder.layers.1.encoder_attn\"? (there are encoder.layers.0, …, "
      "decoder.layers.2.fc2: layers, their attention and their feed-forward blocks; without "
      "\"target_layer\" the input embeddings are explained)");
  EXPECT_EQ(message(3),
            "option \"target_layer\" is 3, the decoder has layers 0 to 2 (-3 to -1 from the end); "
            "layers of the encoder have names");
}

}  // namespace
}  // namespace inseq::engine
