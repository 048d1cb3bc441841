#pragma once
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

/// How far the totals of an answer are from the change of the attributed function between baseline
/// and input, the "convergence delta": [steps] float64.
Tensor completeness_gap(const engine::Engine& engine, const engine::Question& question,
                        const Tensor& totals);

/// Throws InvalidArgument when the question has no baseline.
void check_baselines(const engine::Question& question, const std::string& method);

}  // namespace inseq::methods
