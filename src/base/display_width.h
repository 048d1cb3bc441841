#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace inseq {

/// What a terminal draws as one unit: a character with its combining marks, an emoji sequence.
struct DisplayCluster {
  std::string_view bytes;  ///< inside the string that was split
  int width = 0;           ///< terminal columns: 0, 1 or 2
};

/// Splits UTF-8 text into the units that a line must not be cut inside.
std::vector<DisplayCluster> split_clusters(std::string_view text);

/// Terminal columns of one code point: 0 for combining marks and control characters, 2 for wide
/// ones.
int code_point_width(char32_t code_point);

/// Terminal columns that UTF-8 text takes: combining marks none, East Asian wide characters two, an
/// emoji sequence as much as its first emoji.
int display_width(std::string_view text);

/// The text when it fits into `width` columns, else its beginning with "…" behind it.
std::string truncate_to_width(std::string_view text, int width);

/// The text cut into at most `max_lines` lines of at most `width` columns; the last is truncated
/// when more is left. Clusters wider than `width` are left out.
std::vector<std::string> fold_to_width(std::string_view text, int width, int max_lines);

enum class Align { kLeft, kRight, kCentre };

/// The text with spaces around it so that it takes `width` columns; wider text stays as it is.
std::string pad_to_width(std::string_view text, int width, Align align = Align::kLeft);

/// Text as it can be shown inside a table cell: line breaks become ↵, tabs ⇥, other control
/// characters a picture (␛), and marks that reorder text (U+202E and kin) and bytes that are not
/// UTF-8 become U+FFFD.
std::string printable(std::string_view text);

}  // namespace inseq
