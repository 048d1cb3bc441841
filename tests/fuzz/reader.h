#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "inseq/error.h"

namespace inseq::fuzz {

/// What every target does: reads the input, which may throw an inseq::Error and nothing else.
/// `read` takes the bytes of a file, or its text.
template <typename Read>
int try_to_read(const uint8_t* data, size_t size, const Read& read) {
  try {
    if constexpr (std::is_invocable_v<Read, std::span<const std::byte>>) {
      read(std::as_bytes(std::span(data, size)));
    } else {
      read(std::string(reinterpret_cast<const char*>(data), size));
    }
  } catch (const Error&) {
  }
  return 0;
}

/// Ends the program unless what a target expects of its reader holds.
inline void expect(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace inseq::fuzz
