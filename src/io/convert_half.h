#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace inseq::io {

/// IEEE 754 half precision to single, exactly. Free of branches, so that loops over it vectorise,
/// and of denormal operands, so that it does not depend on the processor's flush-to-zero mode.
inline float half_to_float(uint16_t half) {
  const uint32_t magnitude = (half & 0x7fffu) << 13;
  const uint32_t exponent = magnitude & 0x0f800000u;
  const uint32_t rebased = magnitude + (112u << 23);  // exponent bias 15 -> 127
  const uint32_t infinite = rebased + (112u << 23);   // all ones in the exponent stay all ones
  // A subnormal m * 2^-24 is (2^-14 + m * 2^-24) - 2^-14.
  const float subnormal = std::bit_cast<float>(rebased + (1u << 23)) - 0x1p-14f;
  uint32_t bits = exponent == 0 ? std::bit_cast<uint32_t>(subnormal) : rebased;
  bits = exponent == 0x0f800000u ? infinite : bits;
  return std::bit_cast<float>(bits | (half & 0x8000u) << 16);
}

inline float bfloat16_to_float(uint16_t value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value) << 16);
}

/// Unaligned load.
template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

inline float load_half(const std::byte* from) { return half_to_float(load<uint16_t>(from)); }

}  // namespace inseq::io
