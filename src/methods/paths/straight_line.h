#pragma once
#include "base/option_info.h"
#include "engine/engine.h"
#include "methods/paths/quadrature.h"

namespace inseq::methods {

using Tensor = at::Tensor;
using engine::Sides;

/// Applies `f` to the tensors of two values side by side; undefined where the first one is.
template <typename F>
Sides by_side(const Sides& a, const Sides& b, F f) {
  return {a.source.defined() ? f(a.source, b.source) : Tensor(),
          a.target.defined() ? f(a.target, b.target) : Tensor()};
}

/// The inputs with the attributed sides replaced: a target that is not attributed stays as it is.
Sides attributed_sides(const engine::Question& question, const engine::Inputs& inputs,
                       const Sides& replaced);

/// The point baseline + alpha * (input - baseline). The factor is `weight`, times (input -
/// baseline) when `multiplied`.
engine::PathPoint point_between(const engine::Question& question, const engine::Inputs& inputs,
                                double alpha, double weight, bool multiplied);

/// The attributed function at the points baseline + alpha * (input - baseline) of the embeddings:
/// [alphas, steps] float64.
Tensor scores_between(const engine::Engine& engine, const engine::Question& question,
                      const std::vector<double>& alphas);

/// How far the attributed function changes from the baseline to the input: [steps] float64.
Tensor change_of_score(const engine::Engine& engine, const engine::Question& question);

/// Options that methods with paths share.
OptionInfo rule_option();                            // "method", see quadrature()
OptionInfo points_at_once_option();                  // "internal_batch_size"
OptionInfo multiplied_option(bool fallback = true);  // "multiply_by_inputs"
OptionInfo deltas_option();                          // "return_convergence_delta"

/// Path::points_at_once as the options have it.
int64_t points_at_once(const Json& options);

/// Adds the step score "deltas" where the options ask for it: totals minus the change of the
/// score.
void add_deltas(const engine::Engine& engine, const engine::Question& question, const Json& options,
                engine::Answer& answer);

/// Throws InvalidArgument when the question has no baseline.
void check_baselines(const engine::Question& question, const std::string& method);

}  // namespace inseq::methods
