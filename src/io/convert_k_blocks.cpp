// The "k" formats: super-blocks of 256 elements, whose sub-blocks have scales that are themselves
// quantised.
#include <array>

#include "io/convert_blocks.h"
#include "io/convert_half.h"

namespace inseq::io {
namespace {

constexpr int kBlock = 256;  // elements

int at(const std::byte* bytes, int i) { return std::to_integer<int>(bytes[i]); }

const std::byte* behind(const std::byte* bytes, int count) { return bytes + count; }

/// Eight 6-bit scales and eight 6-bit minima in 12 bytes, for Q4_K and Q5_K. Bytes 0..3 and 4..7
/// hold the first four scales and minima; their top two bits complete the last four, whose low
/// nibbles lie in bytes 8..11.
struct ScalesAndMinima {
  std::array<int, 8> scale, minimum;

  explicit ScalesAndMinima(const std::byte* packed) {
    for (int i = 0; i < 4; ++i) {
      const int a = at(packed, i), b = at(packed, i + 4), c = at(packed, i + 8);
      scale[i] = a & 63;
      minimum[i] = b & 63;
      scale[i + 4] = (c & 15) | (a >> 6) << 4;
      minimum[i + 4] = c >> 4 | (b >> 6) << 4;
    }
  }
};

}  // namespace

// Q2_K: 16 bytes of scale (low nibble) and minimum (high nibble) for 16 elements each, 64 bytes of
// 2-bit quants, d, dmin. x = (d * scale) * q - dmin * minimum
void dequantize_q2_k(const std::byte* in, float* out, int64_t count) {
  for (int64_t block = 0; block < count; ++block, in += 84, out += kBlock) {
    const std::byte* quants = in + 16;
    const float d = load_half(in + 80);
    const float dmin = load_half(in + 82);
    for (int group = 0; group < 16; ++group) {
      // Byte j of a half of 128 elements holds elements j, j + 32, j + 64, j + 96, two bits each.
      const std::byte* from = behind(quants, group / 8 * 32 + group % 2 * 16);
      const int shift = group % 8 / 2 * 2;
      const float scale = d * static_cast<float>(at(in, group) & 15);
      const float minimum = dmin * static_cast<float>(at(in, group) >> 4);
      for (int i = 0; i < 16; ++i) {
        out[group * 16 + i] = scale * static_cast<float>(at(from, i) >> shift & 3) - minimum;
      }
    }
  }
}

// Q3_K: 32 bytes of third bits, 64 bytes of low two bits, 16 6-bit scales in 12 bytes, d.
// x = d * (scale - 32) * (low bits - (third bit ? 0 : 4))
void dequantize_q3_k(const std::byte* in, float* out, int64_t count) {
  for (int64_t block = 0; block < count; ++block, in += 110, out += kBlock) {
    const std::byte* quants = in + 32;
    const std::byte* scales = in + 96;
    const float d = load_half(in + 108);
    for (int group = 0; group < 16; ++group) {
      const int low = at(scales, group % 8) >> (group < 8 ? 0 : 4) & 15;
      const int high = at(scales, 8 + group % 4) >> group / 4 * 2 & 3;
      const float scale = d * static_cast<float>((low | high << 4) - 32);
      const std::byte* from = behind(quants, group / 8 * 32 + group % 2 * 16);
      const std::byte* third = behind(in, group % 2 * 16);
      const int shift = group % 8 / 2 * 2;
      const int bit = group / 2;
      for (int i = 0; i < 16; ++i) {
        const int q = (at(from, i) >> shift & 3) - ((at(third, i) >> bit & 1) ^ 1) * 4;
        out[group * 16 + i] = scale * static_cast<float>(q);
      }
    }
  }
}

// Q4_K: d, dmin, scales and minima of eight groups of 32, 128 bytes of nibbles: of 32 bytes, the
// low nibbles are one group and the high ones the next. x = (d * scale) * q - dmin * minimum
void dequantize_q4_k(const std::byte* in, float* out, int64_t count) {
  for (int64_t block = 0; block < count; ++block, in += 144, out += kBlock) {
    const float d = load_half(in);
    const float dmin = load_half(in + 2);
    const ScalesAndMinima packed(in + 4);
    for (int group = 0; group < 8; ++group) {
      const std::byte* from = behind(in, 16 + group / 2 * 32);
      const int shift = group % 2 * 4;
      const float scale = d * static_cast<float>(packed.scale[group]);
      const float minimum = dmin * static_cast<float>(packed.minimum[group]);
      for (int i = 0; i < 32; ++i) {
        out[group * 32 + i] = scale * static_cast<float>(at(from, i) >> shift & 15) - minimum;
      }
    }
  }
}

// Q5_K: as Q4_K with 32 bytes of fifth bits before the nibbles: bit g of byte i belongs to element
// i of group g.
void dequantize_q5_k(const std::byte* in, float* out, int64_t count) {
  for (int64_t block = 0; block < count; ++block, in += 176, out += kBlock) {
    const float d = load_half(in);
    const float dmin = load_half(in + 2);
    const ScalesAndMinima packed(in + 4);
    const std::byte* fifth = in + 16;
    for (int group = 0; group < 8; ++group) {
      const std::byte* from = behind(in, 48 + group / 2 * 32);
      const int shift = group % 2 * 4;
      const float scale = d * static_cast<float>(packed.scale[group]);
      const float minimum = dmin * static_cast<float>(packed.minimum[group]);
      for (int i = 0; i < 32; ++i) {
        const int q = (at(from, i) >> shift & 15) | (at(fifth, i) >> group & 1) << 4;
        out[group * 32 + i] = scale * static_cast<float>(q) - minimum;
      }
    }
  }
}

// Q6_K: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed scales of 16 elements each,
// d. x = (d * scale) * (q - 32)
void dequantize_q6_k(const std::byte* in, float* out, int64_t count) {
  for (int64_t block = 0; block < count; ++block, in += 210, out += kBlock) {
    const float d = load_half(in + 208);
    for (int group = 0; group < 16; ++group) {
      // In a half of 128 elements, quarter k (32 elements) has its nibbles in bytes (k % 2) * 32..
      // (low for k < 2, high otherwise) and its high bits in bit pair k of 32 bytes.
      const int half = group / 8;
      const int quarter = group % 8 / 2;
      const std::byte* low = behind(in, half * 64 + quarter % 2 * 32 + group % 2 * 16);
      const std::byte* high = behind(in, 128 + half * 32 + group % 2 * 16);
      const int low_shift = quarter / 2 * 4;
      const int high_shift = quarter * 2;
      const float scale = d * static_cast<float>(std::to_integer<int8_t>(in[192 + group]));
      for (int i = 0; i < 16; ++i) {
        const int q = (at(low, i) >> low_shift & 15) | (at(high, i) >> high_shift & 3) << 4;
        out[group * 16 + i] = scale * static_cast<float>(q - 32);
      }
    }
  }
}

}  // namespace inseq::io
