#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/sink.h"

namespace inseq {

/// Standard base64 (RFC 4648) with padding, without line breaks.
std::string base64_encode(std::span<const std::byte> bytes);

/// The same for bytes that come in pieces of any size. finish() writes the last digits.
class Base64Writer {
 public:
  explicit Base64Writer(Sink out) : out_(std::move(out)) {}
  void write(std::span<const std::byte> bytes);
  void finish();

 private:
  Sink out_;
  std::vector<std::byte> left_;  // fewer than 3
};

/// The bytes of standard base64 with padding; nullopt when it is not that.
std::optional<std::vector<std::byte>> base64_decode(std::string_view text);

}  // namespace inseq
