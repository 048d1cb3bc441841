#include "text/byte_alphabet.h"

#include <array>
#include <cstdint>

namespace inseq::text {
namespace {

struct Alphabet {
  std::array<uint16_t, 256> code_of{};  // byte to code point
  std::array<int16_t, 512> byte_of{};   // code point to byte, -1 outside the alphabet
};

Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.byte_of.fill(-1);
  uint16_t next = 256;
  for (uint16_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    const uint16_t code = printable ? byte : next++;
    alphabet.code_of[byte] = code;
    alphabet.byte_of[code] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

const Alphabet& alphabet() {
  static const Alphabet instance = make_alphabet();
  return instance;
}

}  // namespace

std::optional<std::string> bytes_of(std::string_view token) {
  std::string bytes;
  bytes.reserve(token.size());
  for (size_t i = 0; i < token.size(); ++i) {
    // Code points below 512 have one or two bytes in UTF-8.
    uint32_t code = static_cast<unsigned char>(token[i]);
    if (code >= 0x80) {
      if ((code & 0xE0) != 0xC0 || i + 1 >= token.size()) return std::nullopt;
      code = (code & 0x1F) << 6 | (static_cast<unsigned char>(token[++i]) & 0x3F);
    }
    if (code >= alphabet().byte_of.size() || alphabet().byte_of[code] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(alphabet().byte_of[code]));
  }
  return bytes;
}

std::string spelling_of(std::string_view bytes) {
  std::string token;
  for (const char c : bytes) {
    const uint16_t code = alphabet().code_of[static_cast<unsigned char>(c)];
    if (code < 0x80) {
      token.push_back(static_cast<char>(code));
    } else {
      token.push_back(static_cast<char>(0xC0 | code >> 6));
      token.push_back(static_cast<char>(0x80 | (code & 0x3F)));
    }
  }
  return token;
}

}  // namespace inseq::text
