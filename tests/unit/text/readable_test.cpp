#include "text/readable.h"

#include <gtest/gtest.h>

#include "text/byte_alphabet.h"

namespace inseq::text {
namespace {

TEST(ReadableBytes, KeepsTextAndEscapesWhatIsInvisible) {
  EXPECT_EQ(readable_bytes(" naïve 语言 🙂"), " naïve 语言 🙂");
  EXPECT_EQ(readable_bytes("a\nb\tc\r"), "a\\nb\\tc\\r");
  EXPECT_EQ(readable_bytes(std::string_view("\0\x1b\x7f", 3)), "\\x00\\x1b\\x7f");
  EXPECT_EQ(readable_bytes("\u0085\u202e\u200b\ufeff"), "\\u{85}\\u{202e}\\u{200b}\\u{feff}");
  EXPECT_EQ(readable_bytes("\u200d"), "\\u{200d}");  // alone it would show nothing
  EXPECT_EQ(readable_bytes("👩‍🚀"), "👩‍🚀");
  EXPECT_EQ(readable_bytes(""), "");
}

TEST(ReadableBytes, BracketsWhatIsNotUtf8) {
  EXPECT_EQ(readable_bytes("\xe2"), "⟨E2⟩");
  EXPECT_EQ(readable_bytes("\xe2\x82"), "⟨E2 82⟩");
  EXPECT_EQ(readable_bytes("a\x80z\xff"), "a⟨80⟩z⟨FF⟩");
  EXPECT_EQ(readable_bytes("⟩\x80"), "⟩⟨80⟩");
  EXPECT_EQ(readable_bytes("\xc0\x80"), "⟨C0 80⟩");                // overlong
  EXPECT_EQ(readable_bytes("\xed\xa0\x80"), "⟨ED A0 80⟩");         // a surrogate
  EXPECT_EQ(readable_bytes("\xf4\x90\x80\x80"), "⟨F4 90 80 80⟩");  // above U+10FFFF
  EXPECT_EQ(readable_bytes("\xf0\x9f\x99"), "⟨F0 9F 99⟩");
}

TEST(ReadableToken, KnowsTheSpellings) {
  EXPECT_EQ(readable_token("Ġthe", Spelling::kByteLevel), " the");
  EXPECT_EQ(readable_token("Ċ", Spelling::kByteLevel), "\\n");
  EXPECT_EQ(readable_token("â", Spelling::kByteLevel), "⟨E2⟩");
  EXPECT_EQ(readable_token("Ã©", Spelling::kByteLevel), "é");
  EXPECT_EQ(readable_token("语", Spelling::kByteLevel), "语");  // outside the alphabet: as it is
  EXPECT_EQ(readable_token("▁the▁", Spelling::kMetaspace), " the ");
  EXPECT_EQ(readable_token("<0xE2>", Spelling::kMetaspace), "⟨E2⟩");
  EXPECT_EQ(readable_token("<0x41>", Spelling::kMetaspace), "A");
  EXPECT_EQ(readable_token("<0xGG>", Spelling::kMetaspace), "<0xGG>");
  EXPECT_EQ(readable_token("Ġ▁", Spelling::kPlain), "Ġ▁");
}

TEST(ByteAlphabet, IsItsOwnInverse) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_EQ(bytes_of(spelling_of(all)), all);
  EXPECT_EQ(spelling_of(" \n"), "ĠĊ");
  EXPECT_EQ(bytes_of("a b"), std::nullopt);
  EXPECT_EQ(bytes_of("\xc4"), std::nullopt);
  EXPECT_EQ(bytes_of("🙂"), std::nullopt);
}

}  // namespace
}  // namespace inseq::text
