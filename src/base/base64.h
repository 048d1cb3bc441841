#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace inseq {

/// Standard base64 (RFC 4648) with padding, without line breaks.
std::string base64_encode(std::span<const std::byte> bytes);

/// The bytes of standard base64 with padding; nullopt when it is not that.
std::optional<std::vector<std::byte>> base64_decode(std::string_view text);

}  // namespace inseq
