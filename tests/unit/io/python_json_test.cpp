#include "io/python_json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "inseq/error.h"

namespace inseq::io {
namespace {

TEST(PythonJson, WritesFloatsAsRepr) {
  const std::pair<double, const char*> examples[] = {
      {0.1, "0.1"},
      {1.0, "1.0"},
      {-0.0, "-0.0"},
      {1e-5, "1e-05"},
      {0.0001, "0.0001"},
      {1e16, "1e+16"},
      {1e15, "1000000000000000.0"},
      {123456.789, "123456.789"},
      {1.0 / 3, "0.3333333333333333"},
      {-2.5e-7, "-2.5e-07"},
      {9007199254740993.0, "9007199254740992.0"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {100.0, "100.0"},
      {12345678901234567.0, "1.2345678901234568e+16"}};
  for (const auto& [value, text] : examples) EXPECT_EQ(python_float_repr(value), text);
}

TEST(PythonJson, WritesWhatPythonWrites) {
  const Json value{{"b", {1, 2.5, nullptr, true}},
                   {"a", Json::object()},
                   {"\u00e9", Json::array()},
                   {"C", "q\"\\\n\t\x01\x7F/\u00e9\u65e5\U0001F600"}};
  EXPECT_EQ(dump_python_json(value),
            "{\n"
            "    \"C\": \"q\\\"\\\\\\n\\t\\u0001\\u007f/\\u00e9\\u65e5\\ud83d\\ude00\",\n"
            "    \"a\": {},\n"
            "    \"b\": [\n        1,\n        2.5,\n        null,\n        true\n    ],\n"
            "    \"\\u00e9\": []\n"
            "}");
}

TEST(PythonJson, KnowsNanAndInfinity) {
  const Json value =
      parse_python_json(R"({"a": [NaN, Infinity, -Infinity, -1, "NaN", "\"NaN"]})", "x");
  EXPECT_TRUE(std::isnan(value["a"][0].get<double>()));
  EXPECT_EQ(value["a"][1].get<double>(), HUGE_VAL);
  EXPECT_EQ(value["a"][2].get<double>(), -HUGE_VAL);
  EXPECT_EQ(value["a"][3], -1);
  EXPECT_EQ(value["a"][4], "NaN");
  EXPECT_EQ(value["a"][5], "\"NaN");
  EXPECT_EQ(parse_python_json(dump_python_json(value), "x").dump(), value.dump());
}

void expect_error(const std::string& text, const std::string& message) {
  try {
    parse_python_json(text, "out.json", 5);
    FAIL() << "no error for " << text;
  } catch (const FormatError& error) {
    EXPECT_EQ(std::string(error.what()), message);
  }
}

TEST(PythonJson, RefusesWhatIsNotJson) {
  expect_error("", "out.json: not JSON (at byte 1)");
  expect_error("[1,]", "out.json: not JSON (at byte 4)");
  expect_error("[nan]", "out.json: not JSON (at byte 3)");
  expect_error("\"\xFF\"", "out.json: not JSON (at byte 2)");
  expect_error("[\"open", "out.json: not JSON (at byte 7)");
  expect_error("[1e999]", "out.json: not JSON that can be read: a number is out of range");
  expect_error("[[[[[[1]]]]]]", "out.json: nested more than 5 levels deep at byte 5");
  expect_error(std::string(1000000, '['), "out.json: nested more than 5 levels deep at byte 5");
}

TEST(PythonJson, BracketsInStringsDoNotNest) {
  EXPECT_EQ(parse_python_json(R"(["[[[[[[[[[", "\\"])", "x", 2).size(), 2U);
}

}  // namespace
}  // namespace inseq::io
