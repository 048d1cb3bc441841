#include <gtest/gtest.h>

#include <filesystem>

#include "io/model_location.h"
#include "io/tensor_file.h"
#include "io/tensor_parsers.h"
#include "unit/io/make_bytes.h"

namespace inseq::io {
namespace {

using testing::data_path;

// Of all weights of the default model, as the gguf package reads them.
constexpr double kSumOfSquares = 4495476.364860779;

std::vector<float> floats(const TensorEntry& entry) {
  std::vector<float> out(static_cast<size_t>(entry.numel()));
  to_float32(entry, out);
  return out;
}

TEST(Gguf, ReadsMetadataOfEveryType) {
  const auto file = open_gguf(data_path("small.gguf"));
  const Json& data = file->metadata();
  EXPECT_EQ(data["general.architecture"], "llama");
  EXPECT_EQ(data["test.u8"], 200);
  EXPECT_EQ(data["test.i8"], -5);
  EXPECT_EQ(data["test.u16"], 60000);
  EXPECT_EQ(data["test.i16"], -30000);
  EXPECT_EQ(data["test.u32"], 4'000'000'000u);
  EXPECT_EQ(data["test.i32"], -2'000'000'000);
  EXPECT_EQ(data["test.u64"], uint64_t{1} << 63);
  EXPECT_EQ(data["test.i64"], -(int64_t{1} << 40));
  EXPECT_EQ(data["test.f32"], 0.25);
  EXPECT_EQ(data["test.f64"], -0.1);
  EXPECT_EQ(data["test.bool"], true);
  EXPECT_EQ(data["test.string"], "häuser");
  EXPECT_EQ(data["test.ints"], Json::parse("[1, -2, 3]"));
  EXPECT_EQ(data["test.strings"], Json::parse(R"(["Ġthe", ""])"));
  EXPECT_EQ(data["test.nested"], Json::parse("[[1, 2], [3, 4]]"));
}

TEST(Gguf, ReadsTensorsRowMajor) {
  const auto file = open_gguf(data_path("small.gguf"));
  ASSERT_EQ(file->entries().size(), 5u);
  const TensorEntry* f32 = file->find("f32");
  EXPECT_EQ(f32->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(floats(*f32), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(floats(*file->find("f16")), (std::vector<float>{0.5, -2}));
  EXPECT_EQ(floats(*file->find("i32")), (std::vector<float>{5, -6}));
  const TensorEntry* quantised = file->find("q4_1");
  EXPECT_EQ(quantised->dtype, DType::kQ4_1);
  EXPECT_EQ(quantised->shape, (std::vector<int64_t>{2, 64}));
  EXPECT_EQ(floats(*quantised), floats(*file->find("q4_1.values")));
}

TEST(Gguf, ReadsVersionTwoAndOtherAlignments) {
  std::string bytes = testing::gguf_header(1, 1, 2) + testing::gguf_string("general.alignment") +
                      testing::le<uint32_t>(4) + testing::le<uint32_t>(8) +
                      testing::gguf_tensor("w", {2}, 0, 8);
  bytes.resize((bytes.size() + 7) / 8 * 8, '\0');
  bytes += std::string(8, 'x') + testing::le(1.0f) + testing::le(2.0f);
  const ParsedGguf parsed = parse_gguf(testing::as_bytes(bytes), "x");
  EXPECT_EQ(floats(parsed.entries.at(0)), (std::vector<float>{1, 2}));
}

TEST(Gguf, ReadsTheDefaultModel) {
  const std::string path = default_model_path();
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << path << " is not there; ./dev setup puts it there";
  const auto file = open_gguf(path);
  EXPECT_EQ(file->metadata()["general.architecture"], "llama");
  EXPECT_EQ(file->metadata()["tokenizer.ggml.tokens"].size(), 49152u);
  ASSERT_EQ(file->entries().size(), 272u);
  const TensorEntry* embedding = file->find("token_embd.weight");
  ASSERT_TRUE(embedding);
  EXPECT_EQ(embedding->shape, (std::vector<int64_t>{49152, 576}));
  int64_t elements = 0;
  double sum = 0;
  for (const TensorEntry& entry : file->entries()) {
    for (const float value : floats(entry)) sum += static_cast<double>(value) * value;
    elements += entry.numel();
  }
  EXPECT_EQ(elements, 134'515'008);
  EXPECT_NEAR(sum, kSumOfSquares, 1e-6 * kSumOfSquares);
}

}  // namespace
}  // namespace inseq::io
