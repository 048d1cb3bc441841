#include "base/option_info.h"

#include <gtest/gtest.h>

#include "inseq/error.h"

namespace inseq {
namespace {

std::string message_of(const OptionInfo& option, const Json& value) {
  try {
    complete_options({option}, {{option.name, value}}, "the test");
  } catch (const InvalidOption& error) {
    return error.what();
  }
  return "";
}

TEST(OptionInfo, WholeNumbersAreThoseOfInt64) {
  OptionInfo option{"size", 1, "", {}, 1};
  EXPECT_EQ(message_of(option, 9223372036854775807), "");
  EXPECT_EQ(message_of(option, 9223372036854775808U),
            "option \"size\" of the test is 9223372036854775808, needed is a whole number of at "
            "least 1 (below 2^63)");
  EXPECT_EQ(message_of(option, 0),
            "option \"size\" of the test is 0, needed is a whole number of at least 1");
  option.fallback = 1.0;  // any number
  EXPECT_EQ(message_of(option, 9223372036854775808U), "");
}

}  // namespace
}  // namespace inseq
