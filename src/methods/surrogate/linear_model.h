#pragma once
#include <ATen/core/Tensor.h>

#include <string>

namespace inseq::methods {

using Tensor = at::Tensor;

/// A linear model fitted to weighted samples, with an intercept that is not penalised.
struct LinearFit {
  /// "ridge": least squares + alpha * |coefficients|²; "lasso": least squares / (2 * samples) +
  /// alpha * |coefficients|₁, with weights that average to 1; "linear": least squares, the shortest
  /// solution.
  std::string kind = "ridge";
  double alpha = 1.0;  ///< strength of the penalty
};

/// inputs: [samples, features], outputs and weights (not negative): [samples], all float64.
/// Returns the coefficients: [features]; zeros when all weights are 0.
Tensor fit_linear(const LinearFit& fit, const Tensor& inputs, const Tensor& outputs,
                  const Tensor& weights);

}  // namespace inseq::methods
