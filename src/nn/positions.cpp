#include "nn/positions.h"

#include <cmath>

namespace inseq::nn {

Tensor TablePositions::at(const Tensor& positions) const {
  return at::embedding(table_, positions);
}

Tensor SinusoidalPositions::at(const Tensor& positions) const {
  const int64_t half = hidden_ / 2;
  const double step = half > 1 ? std::log(10000.0) / static_cast<double>(half - 1) : 0.0;
  const Tensor frequencies = (at::arange(half, options_.dtype(at::kFloat)) * -step).exp();
  const Tensor angles = (positions + first_).to(at::kFloat).unsqueeze(-1) * frequencies;
  std::vector<Tensor> parts{angles.sin(), angles.cos()};
  if (hidden_ % 2 == 1) parts.push_back(at::zeros_like(angles.narrow(-1, 0, 1)));
  return at::cat(parts, -1).to(options_.dtype());
}

Tensor marian_sinusoids(int64_t count, int64_t hidden) {
  const int64_t sines = (hidden + 1) / 2, cosines = hidden - sines;
  const Tensor exponents = at::arange(sines, at::kDouble) * (-2.0 / static_cast<double>(hidden));
  const Tensor angles =
      at::arange(count, at::kDouble).unsqueeze(1) * at::pow(10000.0, exponents).unsqueeze(0);
  return at::cat({angles.sin(), angles.narrow(1, 0, cosines).cos()}, 1).to(at::kFloat);
}

}  // namespace inseq::nn
