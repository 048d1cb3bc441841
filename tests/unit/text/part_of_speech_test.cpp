#include "text/part_of_speech.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace inseq::text {
namespace {

/// What the tagger says by all of its features: tools/tags/make_weights.py.
TEST(PartOfSpeech, IsThatOfTheTaggerForAWordAlone) {
  std::ifstream file(INSEQ_TEST_DIR "/golden/tags.json");
  const auto expected = nlohmann::json::parse(file);
  ASSERT_GE(expected.size(), 3000u);
  for (const auto& [word, tag] : expected.items()) {
    EXPECT_EQ(part_of_speech(word), tag.get<std::string>()) << '"' << word << '"';
  }
}

TEST(PartOfSpeech, AnyBytesHaveOne) {
  for (const std::string word : {"\xff\x80\x80\x80", "\x80", "-", " ", "\n"}) {
    EXPECT_FALSE(part_of_speech(word).empty());
  }
}

}  // namespace
}  // namespace inseq::text
