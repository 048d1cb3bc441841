#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace inseq {

/// What stands for bytes that are not UTF-8 (U+FFFD).
constexpr char32_t kReplacementCharacter = 0xFFFD;

/// One code point read from a string.
struct CodePoint {
  char32_t value = kReplacementCharacter;
  size_t length = 1;   ///< bytes it took; 1 for a byte that begins no valid sequence
  bool valid = false;  ///< false: the byte is not UTF-8 and `value` is U+FFFD
};

/// The code point at byte `position`, which must lie inside `text`. Over-long forms, surrogates and
/// values past U+10FFFF are not valid.
CodePoint code_point_at(std::string_view text, size_t position);

/// Whether the byte continues a code point that began before it.
constexpr bool continues_code_point(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// Whether the whole string is UTF-8.
bool is_valid_utf8(std::string_view text);

/// Appends a code point. Surrogates and values past U+10FFFF become U+FFFD.
void append_utf8(std::string& out, char32_t code_point);

/// The text with every byte that is not UTF-8 replaced by U+FFFD.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace inseq
