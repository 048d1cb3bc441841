#pragma once
#include <string>
#include <string_view>

namespace inseq::text {

/// The text without the white space that Python's lstrip(), rstrip() and strip() remove.
std::string_view without_leading_space(std::string_view text);
std::string_view without_trailing_space(std::string_view text);
inline std::string_view without_space_around(std::string_view text) {
  return without_trailing_space(without_leading_space(text));
}

/// Unicode's White_Space, which is what \\s of Python's package `regex` matches.
bool is_white_space(char32_t character);

}  // namespace inseq::text
