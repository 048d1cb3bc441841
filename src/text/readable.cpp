#include "text/readable.h"

#include <cstdint>
#include <cstdio>

#include "text/byte_alphabet.h"

namespace inseq::text {
namespace {

/// One character at the start of some bytes: its code point and length; length 0 when it is not
/// valid UTF-8.
struct Character {
  uint32_t code = 0;
  size_t size = 0;
};

Character first_character(std::string_view bytes) {
  const auto at = [bytes](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const uint32_t lead = at(0);
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || bytes.size() < size) return {};
  uint32_t code = lead & (0x7Fu >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (at(i) & 0x3Fu);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return overlong || surrogate || code > 0x10FFFF ? Character{} : Character{code, size};
}

/// Invisible by itself, or changes the direction of the text around it.
bool is_invisible(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD || code == 0x061C ||
         code == 0x200B || (code >= 0x200E && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF;
}

/// Joins characters around it, so it is only shown when it stands alone.
bool is_joiner(uint32_t code) {
  return code == 0x200C || code == 0x200D || (code >= 0xFE00 && code <= 0xFE0F);
}

std::string escape(uint32_t code) {
  switch (code) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default: {
      char text[16];
      std::snprintf(text, sizeof text, code < 0x80 ? "\\x%02x" : "\\u{%x}", code);
      return text;
    }
  }
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

/// The value of "<0xE2>"; -1 for anything else.
int byte_piece(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return -1;
  int value = 0;
  for (const char c : token.substr(3, 2)) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = 16 * value + digit;
  }
  return value;
}

}  // namespace

std::string readable_bytes(std::string_view bytes) {
  std::string out;
  bool in_brackets = false;
  for (size_t i = 0; i < bytes.size();) {
    const Character c = first_character(bytes.substr(i));
    if (in_brackets != (c.size == 0)) out += in_brackets ? "⟩" : "⟨";
    if (c.size == 0) {
      char hex[4];
      std::snprintf(hex, sizeof hex, in_brackets ? " %02X" : "%02X",
                    static_cast<unsigned char>(bytes[i]));
      out += hex;
    } else {
      const bool hidden = is_invisible(c.code) || (is_joiner(c.code) && bytes.size() == c.size);
      out += hidden ? escape(c.code) : std::string(bytes.substr(i, c.size));
    }
    in_brackets = c.size == 0;
    i += in_brackets ? 1 : c.size;
  }
  if (in_brackets) out += "⟩";
  return out;
}

std::string readable_token(std::string_view token, Spelling spelling) {
  if (spelling == Spelling::kByteLevel)
    return readable_bytes(bytes_of(token).value_or(std::string(token)));
  if (spelling == Spelling::kPlain) return readable_bytes(token);
  const int byte = byte_piece(token);
  if (byte >= 0) return readable_bytes(std::string(1, static_cast<char>(byte)));
  std::string text(token);
  replace_all(text, "▁", " ");
  return readable_bytes(text);
}

}  // namespace inseq::text
