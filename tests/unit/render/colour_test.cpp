#include "render/colour.h"

#include <gtest/gtest.h>

#include <cmath>

namespace inseq::render {
namespace {

TEST(Colour, ScaleGoesFromWhiteToRedAndBlue) {
  EXPECT_EQ(score_colour(0, 1), (Rgb{255, 255, 255}));
  EXPECT_EQ(score_colour(2, 2), (Rgb{178, 24, 43}));
  EXPECT_EQ(score_colour(-2, 2), (Rgb{33, 102, 172}));
  EXPECT_EQ(score_colour(0.5, 2), (Rgb{253, 219, 199}));
  EXPECT_EQ(score_colour(9, 2), score_colour(2, 2));
}

TEST(Colour, HasAnAnswerForEveryNumber) {
  EXPECT_EQ(score_colour(HUGE_VAL, 0.5), (Rgb{178, 24, 43}));
  EXPECT_EQ(score_colour(-HUGE_VAL, 0), (Rgb{33, 102, 172}));
  EXPECT_EQ(score_colour(0, 0), (Rgb{255, 255, 255}));
  EXPECT_EQ(score_colour(-0.0, 0), (Rgb{255, 255, 255}));
  EXPECT_EQ(score_colour_256(HUGE_VAL, 1), 124);
  EXPECT_EQ(score_colour_256(0, 0), 231);
}

TEST(Colour, ScaleOf256DarkensStepByStep) {
  for (const double sign : {1.0, -1.0}) {
    int before = 3 * 256;
    for (int i = 0; i <= 6; ++i) {
      const Rgb entry = palette_entry(score_colour_256(sign * i, 6));
      const int sum = entry.red + entry.green + entry.blue;
      EXPECT_LT(sum, before) << sign << " " << i;
      before = sum;
    }
  }
}

double contrast(const Rgb& a, const Rgb& b) {
  const auto luminance = [](const Rgb& c) {
    const auto linear = [](double v) {
      return v <= 0.03928 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(c.red / 255.0) + 0.7152 * linear(c.green / 255.0) +
           0.0722 * linear(c.blue / 255.0);
  };
  const double x = luminance(a) + 0.05, y = luminance(b) + 0.05;
  return std::max(x, y) / std::min(x, y);
}

TEST(Colour, NumbersCanBeReadOnEveryGround) {
  for (int i = -100; i <= 100; ++i) {
    const Rgb ground = score_colour(i, 100);
    EXPECT_GE(contrast(ground, readable_on(ground)), 4.5) << i;  // WCAG 2 level AA
    const Rgb entry = palette_entry(score_colour_256(i, 100));
    EXPECT_GE(contrast(entry, readable_on(entry)), 4.5) << i;
  }
}

TEST(Painter, WritesNothingExtraWithoutColours) {
  const Painter plain(ColourMode::kNone);
  EXPECT_EQ(plain.bold("a") + plain.dim("b") + plain.on_score("c", 1, 1), "abc");
  EXPECT_EQ(Painter(ColourMode::k256).on_score("c", 1, 1), "\x1b[48;5;124;38;5;231mc\x1b[0m");
  EXPECT_EQ(Painter(ColourMode::kTrueColour).on_score("c", 0, 1),
            "\x1b[48;2;255;255;255;38;2;0;0;0mc\x1b[0m");
}

TEST(Terminal, ChoosesColoursByWhatTheTerminalSays) {
  TerminalInfo info{
      .is_terminal = true, .width = 80, .no_color = "", .colorterm = "truecolor", .term = "xterm"};
  EXPECT_EQ(choose_colour(info), ColourMode::kTrueColour);
  info.colorterm = "";
  EXPECT_EQ(choose_colour(info), ColourMode::k256);
  info.term = "screen-256color";
  EXPECT_EQ(choose_colour(info), ColourMode::k256);
  info.term = "dumb";
  EXPECT_EQ(choose_colour(info), ColourMode::kNone);
  info.term = "xterm-256color";
  info.no_color = "1";
  EXPECT_EQ(choose_colour(info), ColourMode::kNone);
  info.no_color = "";
  info.is_terminal = false;
  EXPECT_EQ(choose_colour(info), ColourMode::kNone);
}

}  // namespace
}  // namespace inseq::render
