#pragma once
#include <string>
#include <vector>

namespace inseq::methods {

/// A rule for integrals over [0, 1]: the sum of weight * f(point).
struct Quadrature {
  std::vector<double> points, weights;
};

/// "gausslegendre", or "riemann_left", "riemann_right", "riemann_middle", "riemann_trapezoid" with
/// weights as Captum has them (the trapezoid's sum to (n - 1) / n). Throws InvalidArgument for a
/// Riemann rule of fewer than two points.
Quadrature quadrature(const std::string& name, int64_t points);

/// The names above.
const std::vector<std::string>& quadrature_names();

}  // namespace inseq::methods
