#include "base/utf8.h"

#include <gtest/gtest.h>

namespace inseq {
namespace {

TEST(Utf8, ReadsEveryLength) {
  const std::string text = "a\u00e9\u65e5\U0001F600";
  size_t at = 0;
  for (const char32_t expected : {U'a', U'é', U'日', U'😀'}) {
    const CodePoint point = code_point_at(text, at);
    EXPECT_TRUE(point.valid);
    EXPECT_EQ(point.value, expected);
    at += point.length;
  }
  EXPECT_EQ(at, text.size());
}

TEST(Utf8, RefusesMalformedSequences) {
  for (const char* bad :
       {"\x80", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80",
        "\xF8\x88\x80\x80\x80", "\xE6\x97", "\xC3(", "\xFF"}) {
    EXPECT_FALSE(is_valid_utf8(bad));
    EXPECT_EQ(code_point_at(bad, 0).length, 1U);
    EXPECT_EQ(code_point_at(bad, 0).value, kReplacementCharacter);
  }
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8("\u65e5\u672c"));
}

TEST(Utf8, AppendsWhatItReads) {
  for (const char32_t c :
       {U'\x7F', U'\x80', U'\u07FF', U'\u0800', U'\uFFFF', U'\U00010000', U'\U0010FFFF'}) {
    std::string text;
    append_utf8(text, c);
    EXPECT_EQ(code_point_at(text, 0).value, c);
    EXPECT_EQ(code_point_at(text, 0).length, text.size());
  }
  std::string surrogate;
  append_utf8(surrogate, 0xD800);
  EXPECT_EQ(surrogate, "\uFFFD");
}

TEST(Utf8, ReplacesOnlyWhatIsInvalid) {
  EXPECT_EQ(replace_invalid_utf8("a\xFF\xC3\xA9\xC3"), "a\uFFFD\u00e9\uFFFD");
}

}  // namespace
}  // namespace inseq
