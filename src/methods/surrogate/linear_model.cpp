#include "methods/surrogate/linear_model.h"

#include <algorithm>
#include <cmath>

namespace inseq::methods {
namespace {

constexpr int kMostSweeps = 10000;
constexpr double kTolerance = 1e-10;  // largest change of a sweep, against the largest coefficient

/// argmin |y - x b|² + alpha |b|². With fewer samples than features the dual problem is smaller:
///   b = xᵀ (x xᵀ + alpha)⁻¹ y
Tensor ridge(const Tensor& x, const Tensor& y, double alpha) {
  const bool dual = x.size(0) < x.size(1);
  const Tensor gram = dual ? x.mm(x.t()) : x.t().mm(x);
  const Tensor regularised = gram + alpha * at::eye(gram.size(0), gram.options());
  const Tensor right = (dual ? y : x.t().mv(y)).unsqueeze(1);
  const Tensor solved = std::get<0>(at::linalg_solve_ex(regularised, right)).squeeze(1);
  return dual ? x.t().mv(solved) : solved;
}

/// argmin |y - x b|² / 2 + penalty |b|₁ by coordinate descent (Friedman et al. 2007).
Tensor lasso(const Tensor& x, const Tensor& y, double penalty) {
  const Tensor gram = x.t().mm(x).contiguous(), correlation = x.t().mv(y).contiguous();
  const int64_t n = x.size(1);
  const Tensor out = at::zeros({n}, x.options());
  const Tensor fitted = at::zeros({n}, x.options());  // gram * out
  double* b = out.data_ptr<double>();
  const double *g = gram.data_ptr<double>(), *c = correlation.data_ptr<double>();
  double* f = fitted.data_ptr<double>();
  for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
    double change = 0, largest = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double square = g[i * n + i];
      if (square == 0) continue;
      const double rest = c[i] - f[i] + square * b[i];
      const double next = std::copysign(std::max(0.0, std::abs(rest) - penalty), rest) / square;
      const double step = next - b[i];
      if (step != 0) {
        for (int64_t j = 0; j < n; ++j) f[j] += step * g[i * n + j];
        b[i] = next;
      }
      change = std::max(change, std::abs(step));
      largest = std::max(largest, std::abs(next));
    }
    if (change <= kTolerance * largest) break;
  }
  return out;
}

}  // namespace

Tensor fit_linear(const LinearFit& fit, const Tensor& inputs, const Tensor& outputs,
                  const Tensor& weights) {
  const double total = weights.sum().item<double>();
  if (total <= 0) return at::zeros({inputs.size(1)}, inputs.options());
  const auto samples = static_cast<double>(inputs.size(0));
  // The intercept is best where weighted means meet; then weights are square roots on the rows.
  const Tensor mean_x = weights.unsqueeze(0).mm(inputs) / total;  // [1, features]
  const Tensor mean_y = weights.dot(outputs) / total;
  const Tensor scale = (fit.kind == "lasso" ? weights * (samples / total) : weights).sqrt();
  const Tensor x = (inputs - mean_x) * scale.unsqueeze(1), y = (outputs - mean_y) * scale;
  if (fit.kind == "lasso") return lasso(x, y, fit.alpha * samples);
  if (fit.kind == "ridge" && fit.alpha > 0) return ridge(x, y, fit.alpha);
  return at::linalg_pinv(x, /*rcond=*/1e-12).mv(y);
}

}  // namespace inseq::methods
