// Sequential integrated gradients (Enguehard 2023): integrated gradients of one token at a time,
// the others as they are.
#include "methods/paths/straight_line.h"
#include "methods/registry/method.h"

namespace inseq::methods {
namespace {

/// The rule of integration and what is made of it.
struct Line {
  Quadrature rule;
  bool multiplied = true;
  int64_t points_at_once = 0;
};

/// What one token is given by the steps of the question: [1, steps, ...].
engine::Answer explain_token(const engine::Engine& engine, const engine::Question& question,
                             const Line& line, engine::TokenAt token) {
  const auto point = [&](const engine::Inputs& inputs, int64_t i) {
    const auto index = static_cast<size_t>(i);
    engine::PathPoint out = point_between(question, inputs, line.rule.points[index],
                                          line.rule.weights[index], line.multiplied);
    const auto of_token = [&](const Tensor& moved, const Tensor& fixed, bool side) {
      if (!fixed.defined() || token.source != side) return fixed;
      Tensor mixed = fixed.clone();
      mixed[token.position].copy_(moved[token.position]);
      return mixed;
    };
    out.embeddings = {of_token(out.embeddings.source, inputs.embeddings.source, true),
                      of_token(out.embeddings.target, inputs.embeddings.target, false)};
    return out;
  };
  return engine.gradients(question, {.points = static_cast<int64_t>(line.rule.points.size()),
                                     .points_at_once = line.points_at_once,
                                     .point = point,
                                     .only = token});
}

/// Puts a token's row into the result of its side.
void place_row(const engine::Question& whole, const engine::Question& part, const Tensor& row,
               const Tensor& part_totals, int64_t position, int64_t rows, Tensor& result,
               Tensor& totals) {
  if (!result.defined()) {
    std::vector<int64_t> shape = row.sizes().vec();
    shape[0] = rows;
    shape[1] = whole.steps();
    result = at::full(shape, std::numeric_limits<float>::quiet_NaN(), at::kFloat);
    if (!totals.defined()) totals = at::zeros({whole.steps()}, at::kDouble);
  }
  const int64_t first = part.first - whole.first;
  result[position].narrow(0, first, part.steps()).copy_(row[0]);
  totals.narrow(0, first, part.steps()).add_(part_totals);
}

class SequentialIntegratedGradients : public Method {
 public:
  MethodInfo info() const override {
    return {.kind = AttributionKind::kGranular,
            .family = "gradient",
            .summary = "integrated gradients of one token at a time, the others as they are",
            .paper = "Enguehard 2023, arXiv:2305.15853",
            .needs = "a baseline (unknown tokens)",
            .options = {{"n_steps", 50, "points on the line of each token", {}, 1, 100000},
                        rule_option(),
                        points_at_once_option(),
                        multiplied_option(),
                        deltas_option()}};
  }
  engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                           const Json& options) const override {
    check_baselines(question, "sequential_integrated_gradients");
    const Line line{
        quadrature(options.at("method").get<std::string>(), options.at("n_steps").get<int64_t>()),
        options.at("multiply_by_inputs").get<bool>(), points_at_once(options)};
    engine::Answer answer =
        question.step_scores.empty() ? engine::Answer{} : engine.scores(question);
    const int64_t sources = question.ids.source.defined() ? question.ids.source.size(0) : 0;
    const int64_t targets = question.attributes_target() ? question.last - 1 : 0;
    for (int64_t i = 0; i < sources + targets; ++i) {
      const engine::TokenAt token{i < sources, i < sources ? i : i - sources};
      engine::Question part = question;
      part.step_scores.clear();
      if (!token.source) part.first = std::max(question.first, token.position + 1);
      const engine::Answer row =
          explain_token(engine.part(i, sources + targets, "tokens"), part, line, token);
      if (token.source) {
        place_row(question, part, row.source, row.totals, token.position, sources, answer.source,
                  answer.totals);
      } else {
        place_row(question, part, row.target, row.totals, token.position, question.last,
                  answer.target, answer.totals);
      }
    }
    add_deltas(engine, question, options, answer);
    return answer;
  }
};

}  // namespace

void register_sequential_integrated_gradients(MethodRegistry& registry) {
  registry.add<SequentialIntegratedGradients>("sequential_integrated_gradients");
}

}  // namespace inseq::methods
