#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "inseq/error.h"
#include "io/convert_half.h"
#include "io/tensor_file.h"
#include "unit/io/make_bytes.h"

namespace inseq::io {
namespace {

using testing::as_bytes;
using testing::data_path;
using testing::le;

std::vector<float> floats(const TensorEntry& entry, int threads = 1) {
  std::vector<float> out(static_cast<size_t>(entry.numel()));
  to_float32(entry, out, threads);
  return out;
}

/// Equal to the bit, but for the kind of NaN.
void expect_same(const std::vector<float>& actual, const std::vector<float>& expected,
                 const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (size_t i = 0; i < actual.size(); ++i) {
    const bool same = std::bit_cast<uint32_t>(actual[i]) == std::bit_cast<uint32_t>(expected[i]) ||
                      (std::isnan(actual[i]) && std::isnan(expected[i]));
    EXPECT_TRUE(same) << what << " element " << i << ": " << actual[i] << ", not " << expected[i];
  }
}

TEST(ToFloat32, EqualsTheGgufPackageOnEveryBlockFormat) {
  const auto file = open_safetensors(data_path("quantised.safetensors"));
  for (const DType dtype : {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ8_0,
                            DType::kQ2_K, DType::kQ3_K, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K}) {
    const std::string name = name_of(dtype);
    const TensorEntry* blocks = file->find(name + ".blocks");
    const TensorEntry* values = file->find(name + ".values");
    ASSERT_TRUE(blocks && values) << name;
    expect_same(floats({name, dtype, values->shape, blocks->bytes}), floats(*values), name);
  }
}

TEST(ToFloat32, EqualsTorchOnNarrowFloats) {
  const auto file = open_safetensors(data_path("floats.safetensors"));
  for (const std::string name : {"half", "bfloat16", "e4m3", "e5m2"}) {
    expect_same(floats(*file->find(name)), floats(*file->find(name + ".values")), name);
  }
}

TEST(ToFloat32, ConvertsEveryHalfExactly) {
  for (int code = 0; code < 0x10000; ++code) {
    const int exponent = code >> 10 & 31;
    const int fraction = code & 1023;
    double expected =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    if (exponent == 31) expected = fraction == 0 ? INFINITY : NAN;
    if (code & 0x8000) expected = -expected;
    const float actual = half_to_float(static_cast<uint16_t>(code));
    ASSERT_TRUE(std::isnan(expected) ? std::isnan(actual) : actual == expected) << code;
    ASSERT_EQ(std::signbit(actual), (code & 0x8000) != 0) << code;
  }
}

TEST(ToFloat32, ConvertsIntegersAndBooleans) {
  const auto file = open_safetensors(data_path("small.safetensors"));
  const auto expect = [&](const char* name, const std::vector<float>& expected) {
    expect_same(floats(*file->find(name)), expected, name);
  };
  expect("f64", {1.5f, -2.0f, 3.25f});
  expect("i64", {1.0f, -0x1p40f});
  expect("i32", {7.0f, -8.0f, 9.0f});
  expect("i16", {-300.0f});
  expect("i8", {-1.0f, 127.0f});
  expect("u8", {0.0f, 255.0f});
  expect("bool", {1.0f, 0.0f, 1.0f});
  expect("scalar", {42.0f});
  expect("empty", {});
}

TEST(ToFloat32, IsTheSameForEveryNumberOfThreads) {
  // 20000 blocks of 32 do not divide evenly by 3; the sizes are large enough for several threads.
  std::string bytes;
  for (int i = 0; i < 20000; ++i)
    bytes += le<uint16_t>(0x3c00) + std::string(32, static_cast<char>(i * 37 + i / 256));
  const TensorEntry entry{"w", DType::kQ8_0, {20000, 32}, as_bytes(bytes)};
  const std::vector<float> expected = floats(entry, 1);
  EXPECT_EQ(expected[32], 37.0f);
  for (const int threads : {0, 2, 3, 4, 1000})
    EXPECT_EQ(floats(entry, threads), expected) << threads;
}

TEST(ToFloat32, DoesNotNeedAlignedBytes) {
  const std::string bytes = std::string("x") + le(1.5f) + le(-2.0f);
  expect_same(floats({"w", DType::kF32, {2}, as_bytes(bytes).subspan(1)}), {1.5f, -2.0f},
              "shifted");
}

TEST(ToFloat32, ChecksTheSizes) {
  std::vector<float> out(2);
  const std::string bytes(8, '\0');
  const auto message = [&](const TensorEntry& entry) -> std::string {
    try {
      to_float32(entry, out);
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({"w", DType::kF32, {3}, as_bytes(bytes)}),
            "tensor \"w\" of shape [3] and type float32 does not take the 8 bytes given");
  EXPECT_EQ(message({"w", DType::kF16, {4}, as_bytes(bytes)}),
            "tensor \"w\" has 4 elements, the space for them 2");
  EXPECT_EQ(message({"w", DType::kF32, {2}, as_bytes(bytes)}), "");
}

TEST(ByteSize, RefusesShapesThatCannotBe) {
  const std::vector<int64_t> huge = {int64_t{1} << 40, int64_t{1} << 40},
                             huge_and_empty = {int64_t{1} << 40, int64_t{1} << 40, 0};
  EXPECT_EQ(byte_size(DType::kF32, huge), std::nullopt);
  EXPECT_EQ(byte_size(DType::kF32, huge_and_empty), std::nullopt);
  EXPECT_EQ(byte_size(DType::kF32, std::vector<int64_t>{-1}), std::nullopt);
  EXPECT_EQ(byte_size(DType::kI64, std::vector<int64_t>{int64_t{1} << 60}), std::nullopt);
  EXPECT_EQ(byte_size(DType::kQ4_0, std::vector<int64_t>{32, 31}), std::nullopt);
  EXPECT_EQ(byte_size(DType::kQ4_0, std::vector<int64_t>{}), std::nullopt);
  EXPECT_EQ(byte_size(DType::kQ4_0, std::vector<int64_t>{3, 64}), 108u);
  EXPECT_EQ(byte_size(DType::kF16, std::vector<int64_t>{}), 2u);
  EXPECT_EQ(byte_size(DType::kF64, std::vector<int64_t>{0, 5}), 0u);
}

}  // namespace
}  // namespace inseq::io
