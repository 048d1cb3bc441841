#include "nn/rotary.h"

#include <cmath>
#include <numbers>

namespace inseq::nn {
namespace {

Tensor inverse_powers(int64_t rotary, double theta) {
  const Tensor exponents = at::arange(0, rotary, 2, at::kFloat) / static_cast<double>(rotary);
  return 1.0 / at::pow(at::scalar_tensor(theta, at::kFloat), exponents);
}

class Plain : public RotaryFrequencies {
 public:
  explicit Plain(Tensor inverse, double magnitude = 1.0)
      : inverse_(std::move(inverse)), magnitude_(magnitude) {}
  Tensor inverse(int64_t) const override { return inverse_; }
  double magnitude() const override { return magnitude_; }

 private:
  Tensor inverse_;
  double magnitude_;
};

class Dynamic : public RotaryFrequencies {
 public:
  Dynamic(int64_t rotary, double theta, DynamicScaling scaling)
      : rotary_(rotary), theta_(theta), scaling_(scaling) {}

  Tensor inverse(int64_t length) const override {
    const double stretch = static_cast<double>(std::max(length, scaling_.max_positions)) /
                           static_cast<double>(scaling_.max_positions);
    const double exponent = static_cast<double>(rotary_) / static_cast<double>(rotary_ - 2);
    const double grown = scaling_.factor * stretch - (scaling_.factor - 1.0);
    return inverse_powers(rotary_, theta_ * std::pow(grown, exponent));
  }
  int64_t regime(int64_t length) const override {
    return length <= scaling_.max_positions ? 0 : length;
  }

 private:
  int64_t rotary_;
  double theta_;
  DynamicScaling scaling_;
};

class Long : public RotaryFrequencies {
 public:
  Long(int64_t rotary, double theta, const LongScaling& scaling)
      : short_(inverse_powers(rotary, theta) / at::tensor(scaling.short_factors, at::kFloat)),
        long_(inverse_powers(rotary, theta) / at::tensor(scaling.long_factors, at::kFloat)),
        original_positions_(scaling.original_positions),
        magnitude_(scaling.magnitude) {}

  Tensor inverse(int64_t length) const override { return is_long(length) ? long_ : short_; }
  int64_t regime(int64_t length) const override { return is_long(length) ? 1 : 0; }
  double magnitude() const override { return magnitude_; }

 private:
  bool is_long(int64_t length) const { return length > original_positions_; }
  Tensor short_, long_;  // [rotary / 2]
  int64_t original_positions_;
  double magnitude_;
};

/// The dimension whose frequency turns so many times in the original context.
double dimension_of(double turns, int64_t rotary, double theta, const YarnScaling& scaling) {
  const double wavelength = static_cast<double>(scaling.original_positions) / turns;
  return static_cast<double>(rotary) * std::log(wavelength / (2 * std::numbers::pi)) /
         (2 * std::log(theta));
}

Tensor turned(const Tensor& x, const RotaryTable& table, double direction) {
  const int64_t half = table.cos.size(-1);
  // The table may be per batch entry: [batch, tokens, half] stands against [batch, heads, tokens,
  // half].
  const Tensor cos = table.cos.dim() == 3 ? table.cos.unsqueeze(1) : table.cos;
  const Tensor sin = (table.sin.dim() == 3 ? table.sin.unsqueeze(1) : table.sin) * direction;
  const Tensor a = x.narrow(-1, 0, half), b = x.narrow(-1, half, half);
  std::vector<Tensor> parts{a * cos - b * sin, b * cos + a * sin};
  if (2 * half < x.size(-1)) parts.push_back(x.narrow(-1, 2 * half, x.size(-1) - 2 * half));
  return at::cat(parts, -1);
}

}  // namespace

RotaryTable RotaryTable::first(int64_t tokens) const {
  return {cos.narrow(0, 0, tokens), sin.narrow(0, 0, tokens)};
}

RotaryTable RotaryFrequencies::table(const Tensor& positions, int64_t length,
                                     at::ScalarType type) const {
  const Tensor angles =
      positions.to(at::kFloat).unsqueeze(-1) * inverse(length).to(positions.device());
  return {(angles.cos() * magnitude()).to(type), (angles.sin() * magnitude()).to(type)};
}

std::unique_ptr<RotaryFrequencies> plain_frequencies(int64_t rotary, double theta,
                                                     double linear_factor) {
  return std::make_unique<Plain>(inverse_powers(rotary, theta) / linear_factor);
}

std::unique_ptr<RotaryFrequencies> dynamic_frequencies(int64_t rotary, double theta,
                                                       DynamicScaling scaling) {
  return std::make_unique<Dynamic>(rotary, theta, scaling);
}

std::unique_ptr<RotaryFrequencies> llama3_frequencies(int64_t rotary, double theta,
                                                      Llama3Scaling scaling) {
  const Tensor inverse = inverse_powers(rotary, theta);
  const double context = static_cast<double>(scaling.original_positions);
  const double longest = context / scaling.low_freq_factor,
               shortest = context / scaling.high_freq_factor;
  const Tensor wavelength = 2 * std::numbers::pi / inverse;
  const Tensor blend = (context / wavelength - scaling.low_freq_factor) /
                       (scaling.high_freq_factor - scaling.low_freq_factor);
  const Tensor smooth = (1 - blend) * inverse / scaling.factor + blend * inverse;
  const Tensor outer = at::where(wavelength > longest, inverse / scaling.factor, inverse);
  const Tensor between = wavelength.ge(shortest).logical_and(wavelength.le(longest));
  return std::make_unique<Plain>(at::where(between, smooth, outer));
}

std::unique_ptr<RotaryFrequencies> yarn_frequencies(int64_t rotary, double theta,
                                                    YarnScaling scaling) {
  double first = dimension_of(scaling.beta_fast, rotary, theta, scaling),
         last = dimension_of(scaling.beta_slow, rotary, theta, scaling);
  if (scaling.whole_dimensions) {
    first = std::floor(first);
    last = std::ceil(last);
  }
  first = std::max(first, 0.0);
  last = std::min(last, static_cast<double>(rotary - 1));
  if (first == last) last += 0.001;  // a step, as transformers has it
  const Tensor ramp =
      ((at::arange(rotary / 2, at::kFloat) - first) / (last - first)).clamp(0.0, 1.0);
  const Tensor inverse = inverse_powers(rotary, theta);
  return std::make_unique<Plain>(inverse / scaling.factor * ramp + inverse * (1 - ramp),
                                 scaling.magnitude);
}

std::unique_ptr<RotaryFrequencies> divided_frequencies(int64_t rotary, double theta,
                                                       const std::vector<double>& factors) {
  return std::make_unique<Plain>(inverse_powers(rotary, theta) / at::tensor(factors, at::kFloat));
}

std::unique_ptr<RotaryFrequencies> long_frequencies(int64_t rotary, double theta,
                                                    const LongScaling& scaling) {
  return std::make_unique<Long>(rotary, theta, scaling);
}

Tensor rotate(const Tensor& x, const RotaryTable& table) { return turned(x, table, 1.0); }

Tensor rotate_back(const Tensor& grad_y, const RotaryTable& table) {
  return turned(grad_y, table, -1.0);
}

}  // namespace inseq::nn
