#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <system_error>
#include <thread>

#include "inseq/error.h"
#include "io/convert_blocks.h"
#include "io/convert_half.h"
#include "io/tensor_file.h"

namespace inseq::io {
namespace {

// Below this many elements a thread costs more than it saves (starting one takes about 20
// microseconds).
constexpr int64_t kElementsPerThread = 1 << 17;

template <typename T>
void convert_plain(const std::byte* in, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(load<T>(in + i * sizeof(T)));
}

void convert_half(const std::byte* in, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = load_half(in + 2 * i);
}

void convert_bfloat16(const std::byte* in, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = bfloat16_to_float(load<uint16_t>(in + 2 * i));
}

void convert_bool(const std::byte* in, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = in[i] == std::byte{0} ? 0.0f : 1.0f;
}

/// Eight-bit floats with `mantissa` bits and the given bias (Micikevicius et al. 2022). With
/// `has_infinity` the highest exponent is infinity and NaN, as in IEEE 754; otherwise only all ones
/// is NaN.
std::array<float, 256> eight_bit_floats(int mantissa, int bias, bool has_infinity) {
  std::array<float, 256> table{};
  const int top = (1 << (7 - mantissa)) - 1;
  for (int code = 0; code < 128; ++code) {
    const int exponent = code >> mantissa;
    const int fraction = code & ((1 << mantissa) - 1);
    float value = exponent == 0 ? std::ldexp(static_cast<float>(fraction), 1 - bias - mantissa)
                                : std::ldexp(static_cast<float>(fraction + (1 << mantissa)),
                                             exponent - bias - mantissa);
    if (has_infinity && exponent == top) {
      value = fraction == 0 ? std::numeric_limits<float>::infinity()
                            : std::numeric_limits<float>::quiet_NaN();
    }
    if (!has_infinity && code == 127) value = std::numeric_limits<float>::quiet_NaN();
    table[code] = value;
    table[code + 128] = -value;
  }
  return table;
}

void convert_e4m3(const std::byte* in, float* out, int64_t count) {
  static const std::array<float, 256> table = eight_bit_floats(3, 7, false);
  for (int64_t i = 0; i < count; ++i) out[i] = table[std::to_integer<size_t>(in[i])];
}

void convert_e5m2(const std::byte* in, float* out, int64_t count) {
  static const std::array<float, 256> table = eight_bit_floats(2, 15, true);
  for (int64_t i = 0; i < count; ++i) out[i] = table[std::to_integer<size_t>(in[i])];
}

Dequantize converter_of(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return convert_plain<double>;
    case DType::kF32:
      return convert_plain<float>;
    case DType::kF16:
      return convert_half;
    case DType::kBF16:
      return convert_bfloat16;
    case DType::kF8E4M3:
      return convert_e4m3;
    case DType::kF8E5M2:
      return convert_e5m2;
    case DType::kI64:
      return convert_plain<int64_t>;
    case DType::kI32:
      return convert_plain<int32_t>;
    case DType::kI16:
      return convert_plain<int16_t>;
    case DType::kI8:
      return convert_plain<int8_t>;
    case DType::kU8:
      return convert_plain<uint8_t>;
    case DType::kBool:
      return convert_bool;
    case DType::kQ4_0:
      return dequantize_q4_0;
    case DType::kQ4_1:
      return dequantize_q4_1;
    case DType::kQ5_0:
      return dequantize_q5_0;
    case DType::kQ5_1:
      return dequantize_q5_1;
    case DType::kQ8_0:
      return dequantize_q8_0;
    case DType::kQ2_K:
      return dequantize_q2_k;
    case DType::kQ3_K:
      return dequantize_q3_k;
    case DType::kQ4_K:
      return dequantize_q4_k;
    case DType::kQ5_K:
      return dequantize_q5_k;
    case DType::kQ6_K:
      return dequantize_q6_k;
  }
  throw Unsupported("unknown dtype");
}

}  // namespace

void to_float32(const TensorEntry& entry, std::span<float> out, int threads) {
  const std::optional<uint64_t> size = byte_size(entry.dtype, entry.shape);
  INSEQ_CHECK(size && *size == entry.bytes.size(), InvalidArgument, "tensor \"", entry.name,
              "\" of shape ", shape_text(entry.shape), " and type ", name_of(entry.dtype),
              " does not take the ", entry.bytes.size(), " bytes given");
  const int64_t count = entry.numel();
  INSEQ_CHECK(out.size() == static_cast<size_t>(count), InvalidArgument, "tensor \"", entry.name,
              "\" has ", count, " elements, the space for them ", out.size());
  const Dequantize convert = converter_of(entry.dtype);
  const BlockLayout layout = layout_of(entry.dtype);
  const int64_t blocks = count / layout.elements;
  const int64_t parts = std::clamp<int64_t>(count / kElementsPerThread, 1, std::max(threads, 1));
  const auto convert_part = [&](int64_t part) {
    // Written so that the products do not overflow.
    const int64_t begin = blocks / parts * part + std::min(part, blocks % parts);
    const int64_t end = blocks / parts * (part + 1) + std::min(part + 1, blocks % parts);
    convert(entry.bytes.data() + begin * layout.bytes, out.data() + begin * layout.elements,
            end - begin);
  };
  std::vector<std::jthread> workers;
  workers.reserve(static_cast<size_t>(parts));
  for (int64_t part = 1; part < parts; ++part) {
    try {
      workers.emplace_back(convert_part, part);
    } catch (const std::system_error&) {  // no more threads to be had: do it here
      convert_part(part);
    }
  }
  convert_part(0);
}

}  // namespace inseq::io
