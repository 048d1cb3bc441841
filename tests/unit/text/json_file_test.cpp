#include "text/json_file.h"

#include "inseq/error.h"
#include "text_data.h"

namespace inseq::text {
namespace {

using Entries = std::vector<std::pair<std::string, Json>>;

Entries entries_of(const std::string& content) {
  TemporaryFolder folder;
  folder.write("words.json", content);
  return read_entries(folder.path(), "words.json");
}

TEST(ReadEntries, KeepsTheOrderAndWhatIsRepeated) {
  EXPECT_EQ(entries_of(R"({"b": 1, "a": 0, "b": 2, "": -3, "é": 1.5, "t": true})"),
            (Entries{{"b", 1}, {"a", 0}, {"b", 2}, {"", -3}, {"é", 1.5}, {"t", true}}));
  EXPECT_TRUE(entries_of("{}").empty());
}

TEST(ReadEntries, LeavesNestedValuesOut) {
  EXPECT_EQ(entries_of(R"({"a": {"x": 1, "y": [2, {"z": 3}]}, "b": 1, "c": [4, 5], "d": 2})"),
            (Entries{{"a", nullptr}, {"b", 1}, {"c", nullptr}, {"d", 2}}));
}

TEST(ReadEntries, RefusesWhatIsNoObject) {
  for (const char* text : {"", "[1, 2]", "3", R"({"a": 1)", R"({"a": 1e999})", R"([{"a": 1}])"})
    EXPECT_THROW(entries_of(text), FormatError) << text;
  EXPECT_THROW(entries_of(R"({"a": )" + std::string(100, '[') + std::string(100, ']') + "}"),
               FormatError);
}

/// Quadratic time would be a minute here.
TEST(ReadEntries, TakesLargeVocabularies) {
  std::string text = "{";
  constexpr int kWords = 250'000;
  for (int i = 0; i < kWords; ++i)
    text += (i == 0 ? "\"w" : ",\"w") + std::to_string(i) + "\":" + std::to_string(i);
  const Entries entries = entries_of(text + "}");
  ASSERT_EQ(entries.size(), static_cast<size_t>(kWords));
  EXPECT_EQ(entries.back(), (Entries::value_type{"w249999", 249999}));
}

}  // namespace
}  // namespace inseq::text
