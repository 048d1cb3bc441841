#include "render/number_format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace inseq::render {

namespace {

std::string fixed(double value, int decimals) {
  std::array<char, 64> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, value);
  std::string text(buffer.data());
  // Rounded to zero: a sign would say more than is known.
  if (text[0] == '-' && text.find_first_not_of("-0.") == std::string::npos) text.erase(0, 1);
  return text;
}

/// Decimals that leave three digits of a number of this size below 1000.
int decimals_for(double size) {
  if (size < 0.9995) return 3;
  if (size < 9.995) return 2;
  return size < 99.95 ? 1 : 0;
}

}  // namespace

std::string NumberFormat::operator()(double score) const {
  if (std::isnan(score)) return "";
  if (std::isinf(score)) return score > 0 ? "inf" : "-inf";
  return fixed(score / std::pow(10.0, exponent), decimals);
}

double largest_finite(const std::vector<double>& scores) {
  double largest = 0;
  for (const double score : scores) {
    if (std::isfinite(score)) largest = std::max(largest, std::abs(score));
  }
  return largest;
}

NumberFormat format_for(const std::vector<double>& scores) {
  const double largest = largest_finite(scores);
  if (largest == 0) return {0, 2};
  // Normalised scores reach 1.0 often; a third decimal keeps the small ones apart.
  if (largest >= 0.01 && largest <= 1.0) return {0, 3};
  if (largest >= 0.01 && largest < 999.5) return {0, decimals_for(largest)};
  return {static_cast<int>(std::floor(std::log10(largest))), 2};
}

std::string format_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (size >= 0.001 && size < 99999.5) return fixed(value, size < 0.1 ? 4 : decimals_for(size));
  const int exponent = static_cast<int>(std::floor(std::log10(size)));
  return fixed(value / std::pow(10.0, exponent), 1) + "e" + std::to_string(exponent);
}

std::string power_of_ten(int exponent) {
  if (exponent == 0) return "";
  constexpr const char* kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out = exponent < 0 ? "×10⁻" : "×10";
  for (const char digit : std::to_string(std::abs(exponent))) out += kDigits[digit - '0'];
  return out;
}

}  // namespace inseq::render
