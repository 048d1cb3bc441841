#include "io/tensor_parsers.h"
#include "unit/io/malformed.h"

namespace inseq::io {
namespace {

using testing::header_entry;
using testing::le;
using testing::repeat;
using testing::safetensors_bytes;

void parse(std::span<const std::byte> bytes) { parse_safetensors(bytes, "file"); }

/// A file with one tensor "w" of four bytes.
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return safetensors_bytes(std::string("{") + header_entry("w", dtype, shape, offsets) + "}",
                           "1234");
}

std::string two(const std::string& first, const std::string& second) {
  return safetensors_bytes(std::string("{") + header_entry("a", "U8", "[2]", first) + "," +
                               header_entry("b", "U8", "[2]", second) + "}",
                           "1234");
}

TEST(MalformedSafetensors, FilesThatAreSomethingElse) {
  testing::expect_refused(
      parse,
      {{"empty", "", "is empty; its download or copy was not finished"},
       {"seven bytes", "1234567",
        "cut short or damaged: the header length at byte 0 needs 8 bytes, but 7 are left"},
       {"LFS pointer", "version https://git-lfs.github.com/spec/v1\noid", "only a Git LFS pointer"},
       {"web page", "<!DOCTYPE html><html>", "is a web page"},
       {"text", "this is no such file at all", "it is not a safetensors file"},
       {"header length 2^63", le<uint64_t>(1ull << 63) + "{}",
        "claims a header of 9223372036854775808 bytes"},
       {"header of 100 MB + 1", le<uint64_t>(100'000'001) + "{}",
        "claims a header of 100000001 bytes"},
       {"header past the end", le<uint64_t>(90'000'000) + "{}",
        "the header at byte 8 needs 90000000 bytes, but 2 are left"},
       {"empty header", safetensors_bytes(""), "the header is not a JSON object"},
       {"array", safetensors_bytes("[]"), "the header is not a JSON object"},
       {"open JSON", safetensors_bytes("{\"a\":"), "not valid JSON near its byte 6: syntax error"},
       {"two values", safetensors_bytes("{}{}"), "not valid JSON"},
       {"bad UTF-8",
        safetensors_bytes(std::string("{") + header_entry("\xff\xfe", "U8", "[0]", "[0,0]") + "}"),
        "not valid JSON"}});
}

TEST(MalformedSafetensors, HeadersThatSayTheWrongThings) {
  const std::string entry = header_entry("w", "U8", "[4]", "[0,4]");
  testing::expect_refused(
      parse,
      {{"number for a tensor", safetensors_bytes("{\"w\":1}"),
        "entry \"w\" has a number where none was expected"},
       {"null for a tensor", safetensors_bytes("{\"w\":null}"), "\"w\" has null"},
       {"text for a tensor", safetensors_bytes("{\"w\":\"x\"}"), "\"w\" has text"},
       {"no fields", safetensors_bytes("{\"w\":{}}"),
        "\"w\" has not all of \"dtype\", \"shape\" and \"data_offsets\""},
       {"no offsets", safetensors_bytes("{\"w\":{\"dtype\":\"U8\",\"shape\":[]}}"),
        "has not all of"},
       {"unknown field", safetensors_bytes("{\"w\":{\"stride\":[]}}"),
        "the unknown field \"stride\""},
       {"field twice", safetensors_bytes("{\"w\":{\"shape\":[],\"shape\":[]}}"), "\"shape\" twice"},
       {"object in a field", safetensors_bytes("{\"w\":{\"shape\":{}}}"),
        "an object where a value"},
       {"nested array", safetensors_bytes("{\"w\":{\"shape\":[[1]]}}"), "an unexpected array"},
       {"deep nesting", safetensors_bytes(std::string("{\"w\":") + repeat("[", 1'000'000)),
        "an unexpected array"},
       {"deep objects", safetensors_bytes(std::string("{") + repeat("\"w\":{", 1'000'000)),
        "the unknown field \"w\""},
       {"metadata of numbers", safetensors_bytes("{\"__metadata__\":{\"a\":1}}"),
        "\"__metadata__\" has a number"},
       {"metadata of arrays", safetensors_bytes("{\"__metadata__\":{\"a\":[]}}"),
        "\"__metadata__\" has an unexpected array"},
       {"metadata as text", safetensors_bytes("{\"__metadata__\":\"a\"}"),
        "\"__metadata__\" has text"},
       {"name twice", safetensors_bytes("{" + entry + "," + entry + "}", "1234"),
        "names the tensor \"w\" twice"},
       {"dtype as number", one("U8\",\"dtype\":1,\"x\":\"", "[4]", "[0,4]"), "\"dtype\" twice"},
       {"many dimensions", one("U8", std::string("[") + repeat("1,", 64) + "1]", "[0,4]"),
        "more than 64 dimensions"},
       {"negative shape", one("U8", "[-4]", "[0,4]"), "the negative number -4"},
       {"fractional shape", one("U8", "[4.0]", "[0,4]"),
        "the number 4.0; sizes and offsets are whole"},
       {"boolean in a shape", one("U8", "[true]", "[0,4]"), "true or false"},
       {"shape of 2^63", one("U8", "[9223372036854775808]", "[0,4]"),
        "a dimension that is too large"},
       {"shape of 2^64", one("U8", "[18446744073709551616]", "[0,4]"),
        "sizes and offsets are whole numbers below 2^64"},
       {"three offsets", one("U8", "[4]", "[0,4,4]"), "\"data_offsets\" that are not two numbers"},
       {"one offset", one("U8", "[4]", "[0]"), "\"data_offsets\" that are not two numbers"}});
}

TEST(MalformedSafetensors, TensorsThatDoNotFitTheFile) {
  testing::expect_refused(
      parse,
      {{"unknown dtype", one("F33", "[1]", "[0,4]"), "tensor \"w\" has the unknown dtype \"F33\""},
       {"dtype we cannot read", one("U32", "[1]", "[0,4]"),
        "has the dtype U32, which cannot be read yet"},
       {"dtype of another width", one("F64", "[1]", "[0,4]"),
        "of shape [1] and dtype F64 needs 8 bytes, but its data offsets hold 4"},
       {"shape too large", one("F32", "[2]", "[0,4]"),
        "needs 8 bytes, but its data offsets hold 4"},
       {"shape too small", one("U8", "[3]", "[0,4]"), "needs 3 bytes, but its data offsets hold 4"},
       {"zero in the shape", one("U8", "[0]", "[0,4]"), "needs 0 bytes"},
       {"product overflows", one("U8", "[4294967296,4294967296,4]", "[0,4]"),
        "the impossible shape [4294967296, 4294967296, 4]"},
       {"bytes overflow", one("F64", "[2305843009213693953]", "[0,8]"),
        "but the file holds 4 bytes of data"},
       {"end past the file", one("U8", "[5]", "[0,5]"),
        "data offsets [0, 5], but the file holds 4 bytes"},
       {"end of 2^64 - 1", one("U8", "[4]", "[18446744073709551611,18446744073709551615]"),
        "but the file holds 4 bytes"},
       {"end before begin", one("U8", "[4]", "[4,0]"), "data offsets [4, 0]"},
       {"overlap", two("[0,2]", "[1,3]"),
        "tensor \"b\" overlaps the tensor before it: it starts at 1, the other ends at 2"},
       {"same bytes", two("[0,2]", "[0,2]"), "overlaps"},
       {"gap", two("[0,2]", "[3,5]") + "5", "a gap of 1 bytes before tensor \"b\""},
       {"gap at the start", one("U8", "[2]", "[2,4]"), "a gap of 2 bytes before tensor \"w\""},
       {"bytes at the end", one("U8", "[2]", "[0,2]"), "holds 2 bytes after its last tensor"}});
}

TEST(MalformedSafetensors, PartsOfAFile) {
  testing::expect_all_parts_refused(parse,
                                    testing::file_bytes(testing::data_path("small.safetensors")));
}

}  // namespace
}  // namespace inseq::io
