// Integrated gradients (Sundararajan et al. 2017): gradients along the straight line from a
// baseline to the inputs.
#include "methods/layers/target_layer.h"
#include "methods/paths/adaptive_line.h"
#include "methods/paths/straight_line.h"
#include "methods/registry/method.h"

namespace inseq::methods {
namespace {

engine::Answer integrate(const engine::Engine& engine, const engine::Question& question,
                         const Json& options, int64_t points) {
  const Quadrature rule = quadrature(options.at("method").get<std::string>(), points);
  const bool multiplied = options.at("multiply_by_inputs").get<bool>();
  return engine.gradients(question, {.points = points,
                                     .points_at_once = points_at_once(options),
                                     .point = [&](const engine::Inputs& inputs, int64_t i) {
                                       const auto index = static_cast<size_t>(i);
                                       return point_between(question, inputs, rule.points[index],
                                                            rule.weights[index], multiplied);
                                     }});
}

/// Takes over the steps of `part` (an answer to a part of the question) into `whole`.
void replace_steps(const engine::Question& whole_question, const engine::Question& part_question,
                   const engine::Answer& part, engine::Answer& whole) {
  const int64_t first = part_question.first - whole_question.first, steps = part_question.steps();
  if (part.source.defined()) whole.source.narrow(1, first, steps).copy_(part.source);
  if (part.target.defined()) {
    whole.target.narrow(0, 0, part.target.size(0)).narrow(1, first, steps).copy_(part.target);
  }
  whole.totals.narrow(0, first, steps).copy_(part.totals);
}

/// Asks again, with twice the points, for the steps whose gap is larger than the tolerance: for
/// layers, whose outputs between baseline and input have no scores of their own.
engine::Answer integrate_with_more_points(const engine::Engine& engine,
                                          const engine::Question& question, const Json& options,
                                          double tolerance) {
  constexpr int64_t kFirstPoints = 8;
  const int64_t most = options.at("max_n_steps").get<int64_t>();
  int64_t points = std::min(kFirstPoints, most);
  engine::Answer answer = integrate(engine, question, options, points);
  const Tensor change = change_of_score(engine, question);
  while (points < most) {
    points = std::min(2 * points, most);
    const Tensor open = (answer.totals - change).abs().gt(tolerance);
    if (!open.any().item<bool>()) break;
    const auto is_open = [&](int64_t step) { return open[step].item<bool>(); };
    for (int64_t step = 0; step < question.steps(); ++step) {
      if (!is_open(step)) continue;
      engine::Question part = question;
      part.first = question.first + step;
      while (step < question.steps() && is_open(step)) ++step;
      part.last = question.first + step;
      part.step_scores.clear();
      replace_steps(question, part, integrate(engine, part, options, points), answer);
    }
  }
  return answer;
}

engine::Answer integrate_until(const engine::Engine& engine, const engine::Question& question,
                               const Json& options, double tolerance) {
  if (question.layer) return integrate_with_more_points(engine, question, options, tolerance);
  return integrate_adaptively(engine, question,
                              {.rule = options.at("method").get<std::string>(),
                               .tolerance = tolerance,
                               .most_points = options.at("max_n_steps").get<int64_t>(),
                               .points_at_once = points_at_once(options)});
}

class IntegratedGradients : public Method {
 public:
  MethodInfo info() const override {
    return {.kind = AttributionKind::kGranular,
            .family = "gradient",
            .summary = "gradients summed along the line from a baseline to the embeddings",
            .paper = "Sundararajan et al. 2017, arXiv:1703.01365",
            .uses_baseline = true,
            .options = {
                {"n_steps", 50, "points on the line", {}, 1, 100000},
                rule_option(),
                {"tolerance", nullptr,
                 "in place of n_steps: adds points until attributions sum up to the change of the "
                 "score within this",
                 Json::value_t::number_float, 0},
                {"max_n_steps", 512, "with tolerance: never more points", {}, 1, 100000},
                points_at_once_option(),
                multiplied_option(),
                deltas_option()}};
  }
  engine::Answer attribute(const engine::Engine& engine, const engine::Question& given,
                           const Json& options) const override {
    check_baselines(given, "integrated_gradients");
    const engine::Question question =
        at_layer(engine, given, options.value("target_layer", Json()));
    const Json& tolerance = options.at("tolerance");
    INSEQ_CHECK(tolerance.is_null() || options.at("multiply_by_inputs").get<bool>(),
                InvalidArgument,
                "option \"tolerance\" needs \"multiply_by_inputs\": otherwise attributions do "
                "not sum up to the change of the score");
    engine::Answer answer =
        tolerance.is_null()
            ? integrate(engine, question, options, options.at("n_steps").get<int64_t>())
            : integrate_until(engine, question, options, tolerance.get<double>());
    add_deltas(engine, question, options, answer);
    return answer;
  }
};

class LayerIntegratedGradients : public IntegratedGradients {
 public:
  MethodInfo info() const override {
    MethodInfo info = IntegratedGradients::info();
    info.summary = "integrated gradients of a layer's output";
    info.options.insert(info.options.begin(), target_layer_option());
    return info;
  }
};

}  // namespace

void register_integrated_gradients(MethodRegistry& registry) {
  registry.add<IntegratedGradients>("integrated_gradients");
  registry.add<LayerIntegratedGradients>("layer_integrated_gradients");
}

}  // namespace inseq::methods
