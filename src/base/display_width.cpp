#include "base/display_width.h"

#include <algorithm>
#include <iterator>

#include "base/utf8.h"

namespace inseq {

namespace {

struct CodePointRange {
  char32_t low, high;
};

#include "base/unicode_widths.inc"

template <size_t N>
bool contains(const CodePointRange (&ranges)[N], char32_t value) {
  const auto after =
      std::upper_bound(std::begin(ranges), std::end(ranges), value,
                       [](char32_t v, const CodePointRange& r) { return v < r.low; });
  return after != std::begin(ranges) && value <= std::prev(after)->high;
}

constexpr char32_t kZeroWidthJoiner = 0x200D;
constexpr char32_t kEmojiSelector = 0xFE0F;

bool is_regional_indicator(char32_t c) { return c >= 0x1F1E6 && c <= 0x1F1FF; }
bool is_skin_tone(char32_t c) { return c >= 0x1F3FB && c <= 0x1F3FF; }

/// Narrow characters that U+FE0F turns into emoji (the blocks of emoji-variation-sequences.txt).
bool becomes_emoji(char32_t c) {
  return c == '#' || c == '*' || (c >= '0' && c <= '9') || c == 0xA9 || c == 0xAE || c == 0x203C ||
         c == 0x2049 || c == 0x2122 || c == 0x2139 || (c >= 0x2194 && c <= 0x2BFF) || c == 0x3030 ||
         c == 0x303D || c == 0x3297 || c == 0x3299 || (c >= 0x1F000 && c <= 0x1FAFF);
}

}  // namespace

int code_point_width(char32_t code_point) {
  if (code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0)) return 0;
  if (code_point < 0xA0) return 1;
  if (contains(kZeroWidth, code_point)) return 0;
  return contains(kDoubleWidth, code_point) ? 2 : 1;
}

std::vector<DisplayCluster> split_clusters(std::string_view text) {
  std::vector<DisplayCluster> out;
  char32_t base = 0;       // first code point of the current cluster
  bool joined = false;     // the previous code point was a joiner
  bool flag_open = false;  // the cluster is one half of a flag
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    const int width = code_point_width(point.value);
    const bool second_half = flag_open && is_regional_indicator(point.value);
    const bool tone = is_skin_tone(point.value) && base >= 0x231A;
    const bool emoji_joined = joined && becomes_emoji(point.value);
    if (!out.empty() && (width == 0 || second_half || tone || emoji_joined)) {
      DisplayCluster& cluster = out.back();
      cluster.bytes = text.substr(static_cast<size_t>(cluster.bytes.data() - text.data()),
                                  cluster.bytes.size() + point.length);
      if (second_half || (point.value == kEmojiSelector && becomes_emoji(base))) cluster.width = 2;
      flag_open = false;
    } else {
      out.push_back({text.substr(i, point.length), width});
      base = point.value;
      flag_open = is_regional_indicator(point.value);
    }
    joined = point.value == kZeroWidthJoiner;
    i += point.length;
  }
  return out;
}

int display_width(std::string_view text) {
  int width = 0;
  for (const DisplayCluster& cluster : split_clusters(text)) width += cluster.width;
  return width;
}

std::string truncate_to_width(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string(text);
  if (width <= 0) return "";
  std::string out;
  int used = 1;  // the ellipsis
  for (const DisplayCluster& cluster : split_clusters(text)) {
    if (used + cluster.width > width) break;
    used += cluster.width;
    out += cluster.bytes;
  }
  return out + "…";
}

std::vector<std::string> fold_to_width(std::string_view text, int width, int max_lines) {
  std::vector<std::string> lines(1);
  int used = 0;
  for (const DisplayCluster& cluster : split_clusters(text)) {
    if (cluster.width > width) continue;
    if (used + cluster.width > width) {
      if (static_cast<int>(lines.size()) == max_lines) {
        const auto at = static_cast<size_t>(cluster.bytes.data() - text.data());
        lines.back() = truncate_to_width(lines.back() + std::string(text.substr(at)), width);
        return lines;
      }
      lines.emplace_back();
      used = 0;
    }
    lines.back() += cluster.bytes;
    used += cluster.width;
  }
  return lines;
}

std::string pad_to_width(std::string_view text, int width, Align align) {
  const int missing = std::max(0, width - display_width(text));
  int before = 0;
  if (align == Align::kRight) before = missing;
  if (align == Align::kCentre) before = missing / 2;
  return std::string(static_cast<size_t>(before), ' ') + std::string(text) +
         std::string(static_cast<size_t>(missing - before), ' ');
}

std::string printable(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    const char32_t c = point.value;
    const bool reorders = c == 0x200E || c == 0x200F || c == 0x061C ||
                          (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
    if (c == '\n' || c == 0x2028 || c == 0x2029) {
      out += "↵";
    } else if (c == '\t') {
      out += "⇥";
    } else if (c < 0x20) {
      append_utf8(out, 0x2400 + c);
    } else if (c == 0x7F) {
      append_utf8(out, 0x2421);
    } else if (reorders || (c >= 0x80 && c < 0xA0)) {
      append_utf8(out, kReplacementCharacter);
    } else {
      append_utf8(out, c);
    }
    i += point.length;
  }
  return out;
}

}  // namespace inseq
