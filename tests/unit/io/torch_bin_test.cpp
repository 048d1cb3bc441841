#include <gtest/gtest.h>

#include <limits>

#include "inseq/error.h"
#include "io/tensor_file.h"
#include "io/tensor_parsers.h"
#include "unit/io/make_bytes.h"

namespace inseq::io {
namespace {

using testing::as_bytes;
using testing::data_path;
using testing::pickled;
using testing::pickled_dict;
using testing::zip_bytes;

std::vector<float> floats(const TensorFile& file, const std::string& name) {
  const TensorEntry* entry = file.find(name);
  if (entry == nullptr) throw InvalidArgument("no tensor " + name);
  std::vector<float> out(static_cast<size_t>(entry->numel()));
  to_float32(*entry, out);
  return out;
}

TEST(TorchBin, HoldsWhatTheSafetensorsFileOfTheSameTensorsHolds) {
  const auto file = open_torch_bin(data_path("small.bin"));
  const auto expected = open_safetensors(data_path("small.safetensors"));
  ASSERT_EQ(file->entries().size(), expected->entries().size());
  EXPECT_EQ(file->entries().front().name, "f64");  // in the order of the dictionary
  for (const TensorEntry& entry : expected->entries()) {
    const TensorEntry* found = file->find(entry.name);
    ASSERT_TRUE(found) << entry.name;
    EXPECT_EQ(found->dtype, entry.dtype) << entry.name;
    EXPECT_EQ(found->shape, entry.shape) << entry.name;
    EXPECT_TRUE(std::ranges::equal(found->bytes, entry.bytes)) << entry.name;
  }
}

TEST(TorchBin, FollowsStridesOffsetsAndSharedStorages) {
  const auto file = open_torch_bin(data_path("awkward.bin"));  // pickle protocol 4
  EXPECT_EQ(file->find("transposed")->shape, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(floats(*file, "transposed"), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(floats(*file, "expanded"), (std::vector<float>{5, 5, 5, 6, 6, 6}));
  EXPECT_EQ(floats(*file, "shared_row"), (std::vector<float>{4, 5, 6, 7}));
  EXPECT_EQ(floats(*file, "shared_column"), (std::vector<float>{2, 6, 10}));
  EXPECT_EQ(floats(*file, "every_other"), (std::vector<float>{1, 3, 5, 7}));
  EXPECT_EQ(floats(*file, "parameter"), (std::vector<float>{1.25, -1.25}));
  EXPECT_EQ(floats(*file, "float8"), (std::vector<float>{1, -3.5}));
}

TEST(TorchBin, ReadsStateDictsWithTheirVersions) {
  const auto file = open_torch_bin(data_path("state_dict.bin"));
  ASSERT_EQ(file->entries().size(), 2u);
  EXPECT_EQ(file->find("weight")->shape, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(file->find("bias")->shape, (std::vector<int64_t>{1}));
}

TEST(TorchBin, ReadsZip64Archives) {
  const std::string pickle = pickled_dict(pickled(testing::PickledArgs{}));
  for (const bool entry_64 : {false, true}) {
    for (const bool archive_64 : {false, true}) {
      std::string floats_one;
      for (int i = 0; i < 4; ++i) floats_one += testing::le(1.0f);
      const std::string bytes =
          zip_bytes({{.name = "a/data.pkl", .content = pickle, .in_64 = entry_64},
                     {.name = "a/data/0", .content = floats_one, .in_64 = entry_64}},
                    archive_64);
      const ParsedTensors parsed = parse_torch_bin(as_bytes(bytes), "x");
      ASSERT_EQ(parsed.entries.size(), 1u);
      std::vector<float> values(4);
      to_float32(parsed.entries[0], values);
      EXPECT_EQ(values, std::vector<float>(4, 1.0f));
    }
  }
}

TEST(TorchBin, NeverTakesAStepAlongAnAxisOfSizeOne) {
  constexpr int64_t kFar = std::numeric_limits<int64_t>::max();
  const std::string pickle = pickled_dict(
      pickled(testing::PickledArgs{.offset = 1, .shape = {2, 1}, .strides = {2, kFar}}));
  std::string floats;
  for (int i = 0; i < 4; ++i) floats += testing::le(static_cast<float>(i));
  const std::string bytes = zip_bytes(
      {{.name = "a/data.pkl", .content = pickle}, {.name = "a/data/0", .content = floats}});
  const ParsedTensors parsed = parse_torch_bin(as_bytes(bytes), "x");
  std::vector<float> values(2);
  to_float32(parsed.entries[0], values);
  EXPECT_EQ(values, (std::vector<float>{1, 3}));
}

TEST(TorchBin, AcceptsACommentBehindTheArchive) {
  std::string bytes = testing::torch_bytes(pickled_dict(pickled(testing::PickledArgs{})));
  bytes.resize(bytes.size() - 2);
  bytes += testing::le<uint16_t>(5) + "hello";
  EXPECT_EQ(parse_torch_bin(as_bytes(bytes), "x").entries.size(), 1u);
}

}  // namespace
}  // namespace inseq::io
