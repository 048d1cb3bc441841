#include "render/colour.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace inseq::render {

namespace {

// ColorBrewer's RdBu from its middle to both ends, which are the colours of Inseq's heat maps.
constexpr std::array<Rgb, 5> kReds = {
    {{255, 255, 255}, {253, 219, 199}, {244, 165, 130}, {214, 96, 77}, {178, 24, 43}}};
constexpr std::array<Rgb, 5> kBlues = {
    {{255, 255, 255}, {209, 229, 240}, {146, 197, 222}, {67, 147, 195}, {33, 102, 172}}};

// The nearest to it that the palette's cube has with lightness falling from step to step.
constexpr std::array<int, 7> kReds256 = {231, 224, 217, 210, 203, 160, 124};
constexpr std::array<int, 7> kBlues256 = {231, 189, 153, 111, 69, 26, 25};

/// Place of a score on the scale, 0 to 1.
double share_of(double score, double largest) {
  if (std::isinf(score)) return 1.0;
  return largest > 0 ? std::min(1.0, std::abs(score) / largest) : 0.0;
}

uint8_t blend(uint8_t a, uint8_t b, double share) {
  return static_cast<uint8_t>(std::lround(a + (b - a) * share));
}

/// Relative luminance (WCAG 2), 0 to 1.
double luminance(const Rgb& colour) {
  const auto linear = [](uint8_t channel) {
    const double c = channel / 255.0;
    return c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
}

}  // namespace

Rgb score_colour(double score, double largest) {
  const std::array<Rgb, 5>& scale = score < 0 ? kBlues : kReds;
  const double place = share_of(score, largest) * static_cast<double>(scale.size() - 1);
  const auto stop = std::min(static_cast<size_t>(place), scale.size() - 2);
  const Rgb& a = scale[stop];
  const Rgb& b = scale[stop + 1];
  const double part = place - static_cast<double>(stop);
  return {blend(a.red, b.red, part), blend(a.green, b.green, part), blend(a.blue, b.blue, part)};
}

Rgb readable_on(const Rgb& background) {
  // Contrast with white is 1.05 / (l + 0.05), with black (l + 0.05) / 0.05: they are equal at
  // 0.179.
  return luminance(background) > 0.179 ? Rgb{0, 0, 0} : Rgb{255, 255, 255};
}

Rgb palette_entry(int index) {
  if (index >= 232) {  // 24 greys
    const auto grey = static_cast<uint8_t>(8 + 10 * (index - 232));
    return {grey, grey, grey};
  }
  const auto level = [](int step) { return static_cast<uint8_t>(step == 0 ? 0 : 55 + 40 * step); };
  const int cube = index - 16;  // of six levels a side
  return {level(cube / 36), level(cube / 6 % 6), level(cube % 6)};
}

int score_colour_256(double score, double largest) {
  const std::array<int, 7>& scale = score < 0 ? kBlues256 : kReds256;
  return scale[static_cast<size_t>(
      std::lround(share_of(score, largest) * static_cast<double>(scale.size() - 1)))];
}

std::string Painter::wrapped(const std::string& start, std::string_view text) const {
  if (mode_ == ColourMode::kNone || text.empty()) return std::string(text);
  return start + std::string(text) + "\x1b[0m";
}

std::string Painter::on_score(std::string_view text, double score, double largest) const {
  if (mode_ == ColourMode::kNone) return std::string(text);
  if (mode_ == ColourMode::k256) {
    const int index = score_colour_256(score, largest);
    const char* black_or_white = readable_on(palette_entry(index)) == Rgb{0, 0, 0} ? "16" : "231";
    return wrapped("\x1b[48;5;" + std::to_string(index) + ";38;5;" + black_or_white + "m", text);
  }
  const auto channels = [](const Rgb& c) {
    return std::to_string(c.red) + ";" + std::to_string(c.green) + ";" + std::to_string(c.blue);
  };
  const Rgb ground = score_colour(score, largest);
  return wrapped("\x1b[48;2;" + channels(ground) + ";38;2;" + channels(readable_on(ground)) + "m",
                 text);
}

}  // namespace inseq::render
