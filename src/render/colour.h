#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "render/terminal.h"

namespace inseq::render {

struct Rgb {
  uint8_t red = 0, green = 0, blue = 0;
  bool operator==(const Rgb&) const = default;
};

/// The background of a score: white at zero, deepening to red towards `largest`, to blue towards
/// -`largest`. Infinite scores get the ends of the scale. `score` must not be NaN.
Rgb score_colour(double score, double largest);

/// Black or white, whichever is easier to read on this background.
Rgb readable_on(const Rgb& background);

/// The same scale in entries of the 256-colour palette, of those that terminals do not let users
/// change.
int score_colour_256(double score, double largest);

/// What an entry of the 256-colour palette from 16 on looks like.
Rgb palette_entry(int index);

/// Writes text with terminal attributes; plain text in ColourMode::kNone.
class Painter {
 public:
  explicit Painter(ColourMode mode) : mode_(mode) {}
  bool colours() const { return mode_ != ColourMode::kNone; }
  std::string bold(std::string_view text) const { return wrapped("\x1b[1m", text); }
  std::string dim(std::string_view text) const { return wrapped("\x1b[2m", text); }
  /// Text on the background of a score, in black or white.
  std::string on_score(std::string_view text, double score, double largest) const;

 private:
  std::string wrapped(const std::string& start, std::string_view text) const;
  ColourMode mode_;
};

}  // namespace inseq::render
