#include "base/text_distance.h"

#include <gtest/gtest.h>

namespace inseq {
namespace {

TEST(TextDistance, CountsEdits) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("same", "same"), 0u);
}

TEST(TextDistance, OffersTheNearestChoiceOnly) {
  const std::vector<std::string> choices{"saliency", "attention", "input_x_gradient"};
  EXPECT_EQ(did_you_mean("salency", choices), "; did you mean \"saliency\"?");
  EXPECT_EQ(did_you_mean("input_x", choices), "; did you mean \"input_x_gradient\"?");
  EXPECT_EQ(did_you_mean("zzzzzz", choices), "");
}

TEST(TextDistance, JoinsChoicesAsASentenceDoes) {
  EXPECT_EQ(join_choices({}), "");
  EXPECT_EQ(join_choices({"a"}), "a");
  EXPECT_EQ(join_choices({"a", "b", "c"}), "a, b and c");
}

}  // namespace
}  // namespace inseq
