#include "methods/paths/straight_line.h"

#include "inseq/error.h"

namespace inseq::methods {

Sides attributed_sides(const engine::Question& question, const engine::Inputs& inputs,
                       const Sides& replaced) {
  return {replaced.source,
          question.attributes_target() ? replaced.target : inputs.embeddings.target};
}

engine::PathPoint point_between(const engine::Question& question, const engine::Inputs& inputs,
                                double alpha, double weight, bool multiplied) {
  const Sides between =
      by_side(inputs.embeddings, inputs.baselines,
              [alpha](const Tensor& x, const Tensor& from) { return from + alpha * (x - from); });
  const Sides factors =
      by_side(inputs.embeddings, inputs.baselines, [&](const Tensor& x, const Tensor& from) {
        return multiplied ? weight * (x - from) : at::scalar_tensor(weight, x.options());
      });
  return {attributed_sides(question, inputs, between), factors};
}

Tensor completeness_gap(const engine::Engine& engine, const engine::Question& question,
                        const Tensor& totals) {
  const engine::Inputs inputs = engine.inputs(question);
  engine::Perturbation baseline;
  const auto replace = [&](const Tensor& rows, bool source) {
    for (int64_t i = 0; i < rows.size(0); ++i) baseline.push_back({source, i, rows[i]});
  };
  if (inputs.baselines.source.defined()) replace(inputs.baselines.source, true);
  if (question.attributes_target()) replace(inputs.baselines.target, false);
  const Tensor scores = engine.perturbed(question, {{}, baseline}).to(at::kDouble);
  return totals - (scores[0] - scores[1]);
}

void check_baselines(const engine::Question& question, const std::string& method) {
  INSEQ_CHECK(question.baseline_ids.target.defined(), InvalidArgument, "method \"", method,
              "\" compares the text with unknown tokens, but the tokenizer has no token for them "
              "(neither unk, pad nor eos)");
}

}  // namespace inseq::methods
