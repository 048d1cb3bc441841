#include <gtest/gtest.h>

#include "inseq/error.h"
#include "io/tensor_file.h"
#include "io/tensor_parsers.h"
#include "unit/io/make_bytes.h"

namespace inseq::io {
namespace {

using testing::as_bytes;
using testing::data_path;
using testing::file_bytes;
using testing::header_entry;
using testing::safetensors_bytes;

TEST(Safetensors, ReadsWhatThePythonPackageWrote) {
  const auto file = open_safetensors(data_path("small.safetensors"));
  ASSERT_EQ(file->entries().size(), 12u);
  EXPECT_EQ(file->entries().front().name, "i64");  // in file order
  EXPECT_EQ(file->entries().back().name, "bool");
  const TensorEntry* f32 = file->find("f32");
  ASSERT_TRUE(f32);
  EXPECT_EQ(f32->dtype, DType::kF32);
  EXPECT_EQ(f32->shape, (std::vector<int64_t>{2, 3}));
  std::vector<float> values(6);
  to_float32(*f32, values);
  EXPECT_EQ(values, (std::vector<float>{0, 0.25, 0.5, 0.75, 1, 1.25}));
  EXPECT_EQ(file->find("bf16")->dtype, DType::kBF16);
  EXPECT_EQ(file->find("scalar")->shape, std::vector<int64_t>{});
  EXPECT_EQ(file->find("empty")->bytes.size(), 0u);
  EXPECT_EQ(file->find("none"), nullptr);
  EXPECT_EQ(file->find("__metadata__"), nullptr);
}

TEST(Safetensors, AcceptsEscapesUnicodeNamesAndTrailingSpaces) {
  const std::string bytes = safetensors_bytes(
      std::string("{") + header_entry("gr\\u00f6\\u00dfe", "U8", "[1]", "[0,1]") + "}   ", "x");
  EXPECT_EQ(parse_safetensors(as_bytes(bytes), "x").entries.at(0).name, "größe");
  EXPECT_TRUE(parse_safetensors(as_bytes(safetensors_bytes("{}")), "x").entries.empty());
}

TEST(WriteSafetensors, WritesTheBytesOfThePythonPackage) {
  const std::string path = data_path("small.safetensors");
  const auto file = open_safetensors(path);
  std::vector<TensorToWrite> tensors;
  for (const TensorEntry& entry : file->entries()) {
    tensors.insert(tensors.begin(),
                   {entry.name, entry.dtype, entry.shape, entry.bytes});  // in another order
  }
  EXPECT_EQ(write_safetensors(tensors, {{"format", "pt"}}), file_bytes(path));
}

TEST(WriteSafetensors, IsReadBack) {
  const std::vector<float> values = {1, 2, 3};
  const std::vector<TensorToWrite> tensors = {
      {"a \"b\"\n", DType::kF32, {3, 1}, std::as_bytes(std::span(values))}};
  const std::string bytes = write_safetensors(tensors);
  const ParsedTensors parsed = parse_safetensors(as_bytes(bytes), "x");
  EXPECT_EQ(parsed.entries.at(0).name, tensors[0].name);
  EXPECT_EQ(parsed.entries.at(0).shape, tensors[0].shape);
  EXPECT_TRUE(std::ranges::equal(parsed.entries.at(0).bytes, tensors[0].bytes));
  EXPECT_EQ((parsed.entries.at(0).bytes.data() - as_bytes(bytes).data()) % 8, 0);
}

TEST(WriteSafetensors, RefusesWhatTheFormatCannotHold) {
  const std::string four(4, '\0'), block(18, '\0');
  const TensorToWrite good = {"a", DType::kF32, {1}, as_bytes(four)};
  EXPECT_THROW(write_safetensors({good, good}), InvalidArgument);
  EXPECT_THROW(write_safetensors({{"__metadata__", DType::kF32, {1}, as_bytes(four)}}),
               InvalidArgument);
  EXPECT_THROW(write_safetensors({{"a", DType::kF32, {2}, as_bytes(four)}}), InvalidArgument);
  EXPECT_THROW(write_safetensors({{"\xff", DType::kF32, {1}, as_bytes(four)}}), InvalidArgument);
  EXPECT_THROW(write_safetensors({{"a", DType::kQ4_0, {32}, as_bytes(block)}}), Unsupported);
}

}  // namespace
}  // namespace inseq::io
