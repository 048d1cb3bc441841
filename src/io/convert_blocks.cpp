#include "io/convert_blocks.h"

#include "io/convert_half.h"
#include "io/tensor_file.h"

namespace inseq::io {
namespace {

constexpr int kBlock = 32;  // elements

int low(std::byte packed) { return std::to_integer<int>(packed) & 15; }
int high(std::byte packed) { return std::to_integer<int>(packed) >> 4; }

}  // namespace

// Q4_0: scale d (half), 16 bytes of two nibbles: low ones are elements 0..15, high ones 16..31. x =
// d * (q - 8)
void dequantize_q4_0(const std::byte* in, float* out, int64_t count) {
  for (int64_t block = 0; block < count; ++block, in += 18, out += kBlock) {
    const float d = load_half(in);
    const std::byte* quants = in + 2;
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(low(quants[i]) - 8);
      out[i + 16] = d * static_cast<float>(high(quants[i]) - 8);
    }
  }
}

// Q4_1: scale d and minimum m (halves), nibbles as in Q4_0. x = d * q + m
void dequantize_q4_1(const std::byte* in, float* out, int64_t count) {
  for (int64_t block = 0; block < count; ++block, in += 20, out += kBlock) {
    const float d = load_half(in);
    const float m = load_half(in + 2);
    const std::byte* quants = in + 4;
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(low(quants[i])) + m;
      out[i + 16] = d * static_cast<float>(high(quants[i])) + m;
    }
  }
}

// Q5_0: scale d, 32 fifth bits in one word (bit i belongs to element i), nibbles. x = d * (q - 16)
void dequantize_q5_0(const std::byte* in, float* out, int64_t count) {
  for (int64_t block = 0; block < count; ++block, in += 22, out += kBlock) {
    const float d = load_half(in);
    const auto fifth = load<uint32_t>(in + 2);
    const std::byte* quants = in + 6;
    for (int i = 0; i < 16; ++i) {
      const int first = low(quants[i]) | static_cast<int>(fifth >> i & 1) << 4;
      const int second = high(quants[i]) | static_cast<int>(fifth >> (i + 16) & 1) << 4;
      out[i] = d * static_cast<float>(first - 16);
      out[i + 16] = d * static_cast<float>(second - 16);
    }
  }
}

// Q5_1: scale d, minimum m, 32 fifth bits, nibbles. x = d * q + m
void dequantize_q5_1(const std::byte* in, float* out, int64_t count) {
  for (int64_t block = 0; block < count; ++block, in += 24, out += kBlock) {
    const float d = load_half(in);
    const float m = load_half(in + 2);
    const auto fifth = load<uint32_t>(in + 4);
    const std::byte* quants = in + 8;
    for (int i = 0; i < 16; ++i) {
      const int first = low(quants[i]) | static_cast<int>(fifth >> i & 1) << 4;
      const int second = high(quants[i]) | static_cast<int>(fifth >> (i + 16) & 1) << 4;
      out[i] = d * static_cast<float>(first) + m;
      out[i + 16] = d * static_cast<float>(second) + m;
    }
  }
}

// Q8_0: scale d, 32 signed bytes. x = d * q
void dequantize_q8_0(const std::byte* in, float* out, int64_t count) {
  for (int64_t block = 0; block < count; ++block, in += 34, out += kBlock) {
    const float d = load_half(in);
    const std::byte* quants = in + 2;
    for (int i = 0; i < kBlock; ++i)
      out[i] = d * static_cast<float>(std::to_integer<int8_t>(quants[i]));
  }
}

}  // namespace inseq::io
