#include "render/number_format.h"

#include <gtest/gtest.h>

#include <cmath>

namespace inseq::render {
namespace {

TEST(NumberFormat, ShowsThreeDigitsOfTheLargest) {
  EXPECT_EQ(format_for({0.1, 1.0})(0.0317), "0.032");
  EXPECT_EQ(format_for({-3.2, 1.0})(-3.2), "-3.20");
  EXPECT_EQ(format_for({45, 1.0})(1), "1.0");
  EXPECT_EQ(format_for({450, 1.0})(1), "1");
}

TEST(NumberFormat, TakesOutAPowerOfTenFromTinyAndHugeScores) {
  const NumberFormat tiny = format_for({0.00032, -0.0001});
  EXPECT_EQ(tiny.exponent, -4);
  EXPECT_EQ(tiny(0.00032), "3.20");
  EXPECT_EQ(tiny(-0.0001), "-1.00");
  const NumberFormat huge = format_for({123456});
  EXPECT_EQ(huge.exponent, 5);
  EXPECT_EQ(huge(123456), "1.23");
  EXPECT_EQ(power_of_ten(-12), "×10⁻¹²");
  EXPECT_EQ(power_of_ten(5), "×10⁵");
  EXPECT_EQ(power_of_ten(0), "");
}

TEST(NumberFormat, OddNumbers) {
  const double nan = std::nan("");
  EXPECT_EQ(format_for({})(0), "0.00");
  EXPECT_EQ(format_for({0, 0})(0), "0.00");
  EXPECT_EQ(format_for({nan, HUGE_VAL, 0.5})(0.5), "0.500");
  EXPECT_EQ(format_for({HUGE_VAL})(HUGE_VAL), "inf");
  EXPECT_EQ(format_for({1})(-HUGE_VAL), "-inf");
  EXPECT_EQ(format_for({1})(nan), "");
  EXPECT_EQ(format_for({1})(-0.0001), "0.000");  // no sign on what is shown as zero
  EXPECT_EQ(largest_finite({nan, -2, HUGE_VAL}), 2);
}

TEST(NumberFormat, SingleNumbers) {
  EXPECT_EQ(format_number(0.0395), "0.0395");
  EXPECT_EQ(format_number(0.5), "0.500");
  EXPECT_EQ(format_number(3.1812), "3.18");
  EXPECT_EQ(format_number(-12.34), "-12.3");
  EXPECT_EQ(format_number(1234), "1234");
  EXPECT_EQ(format_number(0.000012), "1.2e-5");
  EXPECT_EQ(format_number(1.5e9), "1.5e9");
  EXPECT_EQ(format_number(0), "0");
  EXPECT_EQ(format_number(std::nan("")), "nan");
  EXPECT_EQ(format_number(-HUGE_VAL), "-inf");
}

}  // namespace
}  // namespace inseq::render
