#include "methods/paths/straight_line.h"

#include "inseq/error.h"

namespace inseq::methods {

Sides attributed_sides(const engine::Question& question, const engine::Inputs& inputs,
                       const Sides& replaced) {
  return {replaced.source,
          question.attributes_target() ? replaced.target : inputs.embeddings.target};
}

namespace {

Sides embeddings_between(const engine::Inputs& inputs, double alpha) {
  return by_side(inputs.embeddings, inputs.baselines, [alpha](const Tensor& x, const Tensor& from) {
    return from + alpha * (x - from);
  });
}

}  // namespace

engine::PathPoint point_between(const engine::Question& question, const engine::Inputs& inputs,
                                double alpha, double weight, bool multiplied) {
  const Sides factors =
      by_side(inputs.embeddings, inputs.baselines, [&](const Tensor& x, const Tensor& from) {
        return multiplied ? weight * (x - from) : at::scalar_tensor(weight, x.options());
      });
  return {attributed_sides(question, inputs, embeddings_between(inputs, alpha)), factors};
}

Tensor scores_between(const engine::Engine& engine, const engine::Question& question,
                      const std::vector<double>& alphas) {
  const engine::Inputs inputs = engine.inputs(question);
  std::vector<engine::Perturbation> perturbations;
  for (const double alpha : alphas) {
    engine::Perturbation& edits = perturbations.emplace_back();
    if (alpha == 1) continue;
    const Sides rows = embeddings_between(inputs, alpha);
    const auto replace = [&](const Tensor& side, bool source) {
      for (int64_t i = 0; i < side.size(0); ++i) edits.push_back({source, i, side[i]});
    };
    if (rows.source.defined()) replace(rows.source, true);
    if (question.attributes_target()) replace(rows.target, false);
  }
  return engine.perturbed(question, perturbations).to(at::kDouble);
}

Tensor change_of_score(const engine::Engine& engine, const engine::Question& question) {
  const Tensor scores = scores_between(engine, question, {1, 0});
  return scores[0] - scores[1];
}

OptionInfo rule_option() {
  return {.name = "method",
          .fallback = "gausslegendre",
          .summary = "rule of integration",
          .choices = quadrature_names()};
}

OptionInfo points_at_once_option() {
  return {.name = "internal_batch_size",
          .fallback = nullptr,
          .summary = "points in one forward pass at most",
          .type = Json::value_t::number_integer,
          .lowest = 1};
}

OptionInfo multiplied_option(bool fallback) {
  return {"multiply_by_inputs", fallback, "times the difference to the baseline"};
}

OptionInfo deltas_option() {
  return {"return_convergence_delta", false,
          "step score \"deltas\": sum of attributions minus change of the score"};
}

int64_t points_at_once(const Json& options) {
  const Json& value = options.at("internal_batch_size");
  return value.is_null() ? 0 : value.get<int64_t>();
}

void add_deltas(const engine::Engine& engine, const engine::Question& question, const Json& options,
                engine::Answer& answer) {
  if (!options.at("return_convergence_delta").get<bool>()) return;
  answer.step_scores["deltas"] = (answer.totals - change_of_score(engine, question)).to(at::kFloat);
}

void check_baselines(const engine::Question& question, const std::string& method) {
  INSEQ_CHECK(question.baseline_ids.target.defined(), InvalidArgument, "method \"", method,
              "\" compares the text with unknown tokens, but the tokenizer has no token for them "
              "(neither unk, pad nor eos)");
}

}  // namespace inseq::methods
