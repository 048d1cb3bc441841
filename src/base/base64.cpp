#include "base/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace inseq {

namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNoDigit = 0xFF;

constexpr std::array<uint8_t, 256> make_digits() {
  std::array<uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
  }
  return digits;
}
constexpr std::array<uint8_t, 256> kDigits = make_digits();

}  // namespace

std::string base64_encode(std::span<const std::byte> bytes) {
  std::string out((bytes.size() + 2) / 3 * 4, '=');
  char* digits = out.data();
  for (size_t i = 0; i < bytes.size(); i += 3, digits += 4) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = (group << 8) | (k < count ? static_cast<uint32_t>(bytes[i + k]) : 0U);
    }
    for (size_t k = 0; k <= count; ++k) digits[k] = kAlphabet[(group >> (18 - 6 * k)) & 63U];
  }
  return out;
}

void Base64Writer::write(std::span<const std::byte> bytes) {
  constexpr size_t kPiece = size_t{3} << 14;
  while (!bytes.empty()) {
    const size_t wanted = (left_.empty() ? kPiece : 3) - left_.size();
    const auto piece = bytes.first(std::min(wanted, bytes.size()));
    bytes = bytes.subspan(piece.size());
    left_.insert(left_.end(), piece.begin(), piece.end());
    const size_t whole = left_.size() / 3 * 3;
    if (whole == 0) continue;
    out_(base64_encode(std::span(left_).first(whole)));
    left_.erase(left_.begin(), left_.begin() + static_cast<ptrdiff_t>(whole));
  }
}

void Base64Writer::finish() {
  out_(base64_encode(left_));
  left_.clear();
}

std::optional<std::vector<std::byte>> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::vector<std::byte> out;
  out.reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    const size_t digits = i + 4 == text.size() ? 4 - padding : 4;
    uint32_t group = 0;
    for (size_t k = 0; k < 4; ++k) {
      const uint8_t digit = k < digits ? kDigits[static_cast<uint8_t>(text[i + k])] : uint8_t{0};
      if (digit == kNoDigit) return std::nullopt;
      group = (group << 6) | digit;
    }
    // The bits that padding makes superfluous must be zero, so that every byte string has one form.
    if (digits < 4 && (group & ((1U << (8 * (4 - digits))) - 1U)) != 0) return std::nullopt;
    for (size_t k = 0; k + 1 < digits; ++k) {
      out.push_back(static_cast<std::byte>((group >> (16 - 8 * k)) & 0xFFU));
    }
  }
  return out;
}

}  // namespace inseq
