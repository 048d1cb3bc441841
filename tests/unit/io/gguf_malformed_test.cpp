#include "io/tensor_parsers.h"
#include "unit/io/malformed.h"

namespace inseq::io {
namespace {

using testing::gguf_bytes;
using testing::gguf_header;
using testing::gguf_string;
using testing::gguf_tensor;
using testing::le;
using testing::repeat;

constexpr uint32_t kU32 = 4, kString = 8, kArray = 9;

void parse(std::span<const std::byte> bytes) { parse_gguf(bytes, "file"); }

/// A file with one metadata value and no tensors.
std::string value(const std::string& key, uint32_t type, const std::string& bytes) {
  return gguf_header(0, 1) + gguf_string(key) + le(type) + bytes;
}

std::string array(uint32_t type, uint64_t count, const std::string& items) {
  return value("k", kArray, le(type) + le(count) + items);
}

TEST(MalformedGguf, HeadersThatAreWrong) {
  testing::expect_refused(
      parse,
      {{"empty", "", "is empty"},
       {"two bytes", "GG", "the magic number at byte 0 needs 4 bytes, but 2 are left"},
       {"another format", std::string("GGML") + std::string(60, '\0'),
        "does not start with \"GGUF\""},
       {"LFS pointer", "version https://git-lfs.github.com/spec/v1\n", "only a Git LFS pointer"},
       {"version 1", gguf_header(0, 0, 1), "is GGUF version 1; versions 2 and 3 can be read"},
       {"version 4", gguf_header(0, 0, 4), "is GGUF version 4"},
       {"big-endian", gguf_header(0, 0, 3u << 24), "is a big-endian GGUF file; convert it with"},
       {"2^60 tensors", gguf_header(1ull << 60, 0),
        "claims 1152921504606846976 tensors, more than a file of 24 bytes can hold"},
       {"too many tensors", gguf_header(1'100'000, 0) + std::string(24 * 1'100'000, '\0'),
        "claims 1100000 tensors; at most 1048576 are read"},
       {"tensors without bytes", gguf_header(2, 0), "claims 2 tensors"},
       {"2^60 keys", gguf_header(0, 1ull << 60), "claims 1152921504606846976 metadata keys"},
       {"keys without bytes", gguf_header(0, 1),
        "a metadata key at byte 24 needs 8 bytes, but 0 are left"}});
}

TEST(MalformedGguf, MetadataThatIsWrong) {
  const std::string pair = gguf_string("k") + le(kU32) + le<uint32_t>(1);
  const std::string nested = repeat(le(kArray) + le<uint64_t>(1), 10);
  testing::expect_refused(
      parse,
      {{"key past the end", gguf_header(0, 1) + le<uint64_t>(1ull << 62) + "abc",
        "a metadata key at byte 32 needs 4611686018427387904 bytes, but 3 are left"},
       {"key of 70000 bytes", value(std::string(70000, 'k'), kU32, le(1)),
        "a metadata key of 70000 bytes is longer"},
       {"key in bad UTF-8", value("\xc0\x80", kU32, le(1)),
        "a metadata key before byte 34 is not valid UTF-8"},
       {"key twice", gguf_header(0, 2) + pair + pair, "the metadata key \"k\" appears twice"},
       {"unknown type", value("k", 13, "1234"), "the metadata value \"k\" has the unknown type 13"},
       {"string past the end", value("k", kString, le<uint64_t>(5) + "abcd"),
        "a metadata string at byte 45 needs 5 bytes, but 4 are left"},
       {"string in bad UTF-8", value("k", kString, gguf_string("\xed\xa0\x80")),
        "a metadata string before byte 48 is not valid UTF-8"},
       {"array past the end", array(kU32, 1ull << 61, "1234"),
        "the metadata array \"k\" claims 2305843009213693952 elements"},
       {"array of unknown type", array(77, 1, "1234"), "\"k\" has the unknown type 77"},
       {"array of strings past the end", array(kString, 3, gguf_string("abc") + gguf_string("")),
        "claims 3 elements, more than the 19 bytes left"},
       {"nested arrays", value("k", kArray, nested), "nests deeper than 4 levels"},
       {"too many elements", array(0, 20'000'000, std::string(20'000'000, 'x')),
        "at most 8388608 are read"},
       {"too long a string", value("k", kString, gguf_string(std::string(20'000'000, 'x'))),
        "a metadata string takes 20000000 bytes; at most 16777216 are read"},
       {"alignment 0", value("general.alignment", kU32, le<uint32_t>(0)),
        "general.alignment is 0; it must be a power of two"},
       {"alignment 12", value("general.alignment", kU32, le<uint32_t>(12)),
        "general.alignment is 12"},
       {"alignment as text", value("general.alignment", kString, gguf_string("32")),
        "general.alignment is no whole number"},
       {"alignment 2^63", value("general.alignment", 10, le<uint64_t>(1ull << 63)),
        "general.alignment is 9223372036854775808"},
       {"one of several files", value("split.count", 2, le<uint16_t>(3)),
        "is one of several parts of a model"}});
}

TEST(MalformedGguf, TensorsThatAreWrong) {
  const std::string data(64, '\1');
  const auto one = [&](const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset) {
    return gguf_bytes({gguf_tensor("w", dims, type, offset)}, data);
  };
  testing::expect_refused(
      parse,
      {{"name past the end", gguf_header(1, 0) + le<uint64_t>(1000) + std::string(20, 'x'),
        "a tensor name at byte 32 needs 1000 bytes"},
       {"name in bad UTF-8", gguf_bytes({gguf_tensor("\xff", {1}, 0, 0)}, data),
        "a tensor name before byte 33 is not valid UTF-8"},
       {"five dimensions", one({1, 1, 1, 1, 1}, 0, 0),
        "tensor \"w\" has 5 dimensions; GGUF allows 4"},
       {"negative dimension", one({~0ull}, 0, 0),
        "the shape [-1], which is impossible for type float32"},
       {"product overflows", one({1ull << 40, 1ull << 40}, 0, 0), "which is impossible"},
       {"half a block", one({16}, 3, 0), "the shape [16], which is impossible for type Q4_1"},
       {"unknown type", one({4}, 1234, 0), "tensor \"w\" has the unknown type number 1234"},
       {"type we cannot read", one({256}, 16, 0),
        "tensor \"w\" is quantised as IQ2_XXS, which cannot be read yet"},
       {"misaligned", one({4}, 0, 4), "starts at 4, which is no multiple of the alignment 32"},
       {"offset past the end", one({4}, 0, 96),
        "needs 16 bytes from 96 on, but the file holds 64 bytes of data"},
       {"offset near 2^64", one({4}, 0, ~31ull), "needs 16 bytes from 18446744073709551584 on"},
       {"data cut short", one({17}, 0, 0), "needs 68 bytes from 0 on, but the file holds 64"},
       {"overlap", gguf_bytes({gguf_tensor("a", {16}, 0, 0), gguf_tensor("b", {4}, 0, 32)}, data),
        "the tensors \"a\" and \"b\" overlap"},
       {"no data", gguf_header(1, 0) + gguf_tensor("w", {4}, 0, 0),
        "the padding before the data"}});
}

TEST(MalformedGguf, ATensorNamedTwice) {
  const testing::TemporaryFolder folder;
  const std::string path =
      folder.write("x.gguf", gguf_bytes({gguf_tensor("w", {4}, 0, 0), gguf_tensor("w", {4}, 0, 32)},
                                        std::string(64, '\1')));
  EXPECT_THROW(open_gguf(path), FormatError);
}

TEST(MalformedGguf, PartsOfAFile) {
  // Behind the data of the last tensor the writer pads to the alignment, which may be missing.
  std::string bytes = testing::file_bytes(testing::data_path("small.gguf"));
  const ParsedGguf parsed = parse_gguf(testing::as_bytes(bytes), "file");
  const std::byte* start = testing::as_bytes(bytes).data();
  bytes.resize(static_cast<size_t>(parsed.entries.back().bytes.data() +
                                   parsed.entries.back().bytes.size() - start));
  testing::expect_all_parts_refused(parse, bytes);
}

}  // namespace
}  // namespace inseq::io
