#pragma once
#include <string>
#include <vector>

namespace inseq::render {

/// How the cells of one table are written, so that their decimal points line up.
struct NumberFormat {
  int exponent = 0;  ///< cells show score / 10^exponent
  int decimals = 3;

  /// "0.123", "-1.20", "inf"; "" for NaN.
  std::string operator()(double score) const;
};

/// A format that shows about three digits of the largest of these scores.
NumberFormat format_for(const std::vector<double>& scores);

/// Largest finite absolute score; 0 when there is none.
double largest_finite(const std::vector<double>& scores);

/// One number on its own, with three digits: "0.0457", "12.3", "1.2e-5".
std::string format_number(double value);

/// "×10⁻⁴"; "" for 0.
std::string power_of_ten(int exponent);

}  // namespace inseq::render
