#include "methods/paths/quadrature.h"

#include <cmath>
#include <numbers>

#include "inseq/error.h"

namespace inseq::methods {
namespace {

/// Zeros of the Legendre polynomial of degree n by Newton's method, moved from [-1, 1] to [0, 1].
Quadrature gauss_legendre(int64_t n) {
  Quadrature rule;
  const double degree = static_cast<double>(n);
  for (int64_t i = n; i >= 1; --i) {
    double x = std::cos(std::numbers::pi * (static_cast<double>(i) - 0.25) / (degree + 0.5));
    double slope = 1;
    for (int iteration = 0; iteration < 100; ++iteration) {
      double before = 1, here = x;  // values of degree 0 and 1
      for (int64_t k = 2; k <= n; ++k) {
        const double d = static_cast<double>(k);
        const double next = ((2 * d - 1) * x * here - (d - 1) * before) / d;
        before = here;
        here = next;
      }
      slope = degree * (x * here - before) / (x * x - 1);
      const double step = here / slope;
      x -= step;
      if (std::abs(step) < 1e-15) break;
    }
    rule.points.push_back((1 + x) / 2);
    rule.weights.push_back(1 / ((1 - x * x) * slope * slope));
  }
  return rule;
}

/// n points from `first` to `last` with equal weights.
Quadrature even(int64_t n, double first, double last) {
  Quadrature rule;
  const double count = static_cast<double>(n);
  for (int64_t i = 0; i < n; ++i) {
    rule.points.push_back(first + (last - first) * static_cast<double>(i) / (count - 1));
    rule.weights.push_back(1 / count);
  }
  return rule;
}

}  // namespace

const std::vector<std::string>& quadrature_names() {
  static const std::vector<std::string> names = {"gausslegendre", "riemann_left", "riemann_right",
                                                 "riemann_middle", "riemann_trapezoid"};
  return names;
}

Quadrature quadrature(const std::string& name, int64_t points) {
  if (name == "gausslegendre") return gauss_legendre(points);
  INSEQ_CHECK(points > 1, InvalidArgument, "the rule ", name,
              " needs at least 2 points, n_steps is ", points);
  const double width = 1 / static_cast<double>(points);
  if (name == "riemann_left") return even(points, 0, 1 - width);
  if (name == "riemann_right") return even(points, width, 1);
  if (name == "riemann_middle") return even(points, width / 2, 1 - width / 2);
  Quadrature rule = even(points, 0, 1);
  rule.weights.front() /= 2;
  rule.weights.back() /= 2;
  return rule;
}

}  // namespace inseq::methods
