#include "base/display_width.h"

#include <gtest/gtest.h>

namespace inseq {
namespace {

TEST(DisplayWidth, CountsColumnsOfATerminal) {
  EXPECT_EQ(display_width(""), 0);
  EXPECT_EQ(display_width("hello"), 5);
  EXPECT_EQ(display_width("日本語"), 6);
  EXPECT_EQ(display_width("ｈａｌｆ"), 8);  // full-width Latin
  EXPECT_EQ(display_width("e\u0301"), 1);   // e and a combining acute accent
  EXPECT_EQ(display_width("한국"), 4);
  EXPECT_EQ(display_width("\u1112\u1161\u11AB"), 2);  // the same syllable in letters
  EXPECT_EQ(display_width("नमस्ते"), 4);
  EXPECT_EQ(display_width("कि"), 2);  // a vowel sign that stands beside its letter
  EXPECT_EQ(display_width("สวัสดี"), 4);
  EXPECT_EQ(display_width("\u200B\uFEFF"), 0);
  EXPECT_EQ(display_width("Ġ▁↵…"), 4);
}

TEST(DisplayWidth, TreatsAnEmojiSequenceAsOneEmoji) {
  EXPECT_EQ(display_width("😀"), 2);
  EXPECT_EQ(display_width("👩‍👩‍👧‍👦"), 2);  // joined by U+200D
  EXPECT_EQ(display_width("👍🏽"), 2);                       // with a skin tone
  EXPECT_EQ(display_width("🇩🇪🇫🇷"), 4);                       // two flags
  EXPECT_EQ(display_width("❤️"), 2);                          // with U+FE0F
  EXPECT_EQ(display_width("❤"), 1);
  EXPECT_EQ(display_width("🏳️‍🌈"), 2);
  EXPECT_EQ(split_clusters("a👩‍💻b").size(), 3U);
}

TEST(DisplayWidth, BrokenTextHasAWidth) {
  EXPECT_EQ(display_width("a\xFF\xE6\x97"), 4);
  EXPECT_EQ(split_clusters("\u0301").size(), 1U);  // a mark with nothing to stand on
}

TEST(DisplayWidth, TruncatesBetweenClusters) {
  EXPECT_EQ(truncate_to_width("hello", 5), "hello");
  EXPECT_EQ(truncate_to_width("hello", 4), "hel…");
  EXPECT_EQ(truncate_to_width("日本語", 4), "日…");
  EXPECT_EQ(truncate_to_width("e\u0301e\u0301e\u0301", 2), "e\u0301…");
  EXPECT_EQ(truncate_to_width("hello", 1), "…");
  EXPECT_EQ(truncate_to_width("hello", 0), "");
}

TEST(DisplayWidth, FoldsIntoLines) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(fold_to_width("abcdef", 3, 2), (Lines{"abc", "def"}));
  EXPECT_EQ(fold_to_width("abcdefg", 3, 2), (Lines{"abc", "de…"}));
  EXPECT_EQ(fold_to_width("", 3, 2), (Lines{""}));
  EXPECT_EQ(fold_to_width("日本", 1, 3), (Lines{""}));
  EXPECT_EQ(fold_to_width("日本語", 3, 3), (Lines{"日", "本", "語"}));
}

TEST(DisplayWidth, Pads) {
  EXPECT_EQ(pad_to_width("日", 5), "日   ");
  EXPECT_EQ(pad_to_width("日", 5, Align::kRight), "   日");
  EXPECT_EQ(pad_to_width("日", 5, Align::kCentre), " 日  ");
  EXPECT_EQ(pad_to_width("日本語", 5), "日本語");
}

TEST(Printable, NothingReachesTheTerminalAsACommand) {
  EXPECT_EQ(printable("a\nb\tc"), "a↵b⇥c");
  EXPECT_EQ(printable("\x1b[2J"), "␛[2J");
  EXPECT_EQ(printable(std::string("\0\x7F", 2)), "␀␡");
  EXPECT_EQ(printable("\u009B31m"), "\uFFFD31m");  // CSI in one character
  EXPECT_EQ(printable("a\u202Eb\u2066"), "a\uFFFDb\uFFFD");
  EXPECT_EQ(printable("\xFF"), "\uFFFD");
  EXPECT_EQ(printable("日本 é"), "日本 é");
}

}  // namespace
}  // namespace inseq
