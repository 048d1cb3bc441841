#include "io/gzip.h"

#include <gtest/gtest.h>

#include "inseq/error.h"

namespace inseq::io {
namespace {

std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

TEST(Gzip, GivesBackWhatItTook) {
  std::string text;
  for (int i = 0; i < 200000; ++i) text += std::to_string(i * 7919 % 1000);
  for (const std::string& original : {std::string(), std::string("a"), text}) {
    const std::string packed = gzip_compress(original, 5);
    EXPECT_TRUE(is_gzip(bytes(packed)));
    EXPECT_EQ(gzip_decompress(bytes(packed), "x", 1 << 20), original);
  }
}

TEST(Gzip, TakesPiecesOfAnySize) {
  std::string text, packed;
  GzipWriter writer([&packed](std::string_view piece) { packed += piece; }, 5);
  for (int i = 0; i < 30000; ++i) {
    const std::string piece(static_cast<size_t>(i % 50), static_cast<char>('a' + i * 7919 % 26));
    text += piece;
    writer.write(piece);
  }
  writer.finish();
  EXPECT_EQ(gzip_decompress(bytes(packed), "x", 1 << 20), text);
}

TEST(Gzip, ReadsSeveralMembers) {
  const std::string packed = gzip_compress("one ", 9) + gzip_compress("two", 1);
  EXPECT_EQ(gzip_decompress(bytes(packed), "x", 100), "one two");
}

void expect_error(const std::string& packed, size_t limit, const std::string& part) {
  try {
    gzip_decompress(bytes(packed), "out.json", limit);
    FAIL() << "no error";
  } catch (const FormatError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(Gzip, StopsAtTheLimit) {
  const std::string bomb = gzip_compress(std::string(10 << 20, 'a'), 9);
  expect_error(bomb, 1 << 20, "out.json: unpacks to more than 1048576 bytes");
}

TEST(Gzip, RefusesDamagedData) {
  const std::string packed = gzip_compress("hello hello hello", 5);
  for (size_t length = 0; length < packed.size(); ++length) {
    expect_error(packed.substr(0, length), 100, "damaged or cut short");
  }
  std::string flipped = packed;
  flipped[packed.size() - 5] ^= 1;  // the checksum
  expect_error(flipped, 100, "damaged or cut short");
  expect_error(packed + "garbage", 100, "damaged or cut short");
}

}  // namespace
}  // namespace inseq::io
