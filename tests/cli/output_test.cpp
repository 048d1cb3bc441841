// What `inseq attribute` prints, and where.
#include <sstream>

#include "base/display_width.h"
#include "program.h"

namespace inseq::test {
namespace {

std::string line_with(const std::string& text, const std::string& part) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(part) != std::string::npos) return line;
  }
  return "";
}

TEST(Output, HeatMapOnStandardOutputAndNothingElse) {
  const RunResult result = attribute(kTexts);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  expect_contains(result.out, "saliency of probability");
  EXPECT_TRUE(result.out.ends_with("\n"));
}

TEST(Output, VerbosityGoesToStandardError) {
  const std::string usual = attribute(kTexts).out;
  const RunResult verbose = attribute(with(kTexts, {"-v"})),
                  more = attribute(with(kTexts, {"-vv"}));
  EXPECT_EQ(verbose.out, usual);
  EXPECT_EQ(more.out, usual);
  expect_contains(verbose.err, "inseq: loading " + model_folder());
  EXPECT_GT(more.err.size(), verbose.err.size());
}

TEST(Output, EscapeSequencesOnlyForTerminals) {
  RunOptions terminal;
  terminal.out_columns = 90;
  const RunResult coloured = attribute(kTexts, terminal);
  expect_contains(coloured.out, "\x1b[48;5;");
  terminal.environment = {{"COLORTERM", "truecolor"}};
  expect_contains(attribute(kTexts, terminal).out, "\x1b[48;2;");
  terminal.environment = {{"NO_COLOR", "1"}, {"COLORTERM", "truecolor"}};
  EXPECT_EQ(count_of("\x1b", attribute(kTexts, terminal).out), 0u);
  terminal.environment = {{"TERM", "dumb"}};
  EXPECT_EQ(count_of("\x1b", attribute(kTexts, terminal).out), 0u);
}

TEST(Output, ProgressOnATerminalIsRemoved) {
  RunOptions options;
  options.err_columns = 80;
  const RunResult result = attribute(kTexts, options);
  expect_contains(result.err, "Attributing with saliency");
  expect_contains(result.err, "7/7 steps");
  EXPECT_TRUE(result.err.ends_with("\r\x1b[K")) << result.err;
  EXPECT_EQ(count_of("\n", result.err), 0u);
  const RunResult quiet =
      attribute(with(kTexts, {"--attribution_kwargs", R"({"show_progress": false})"}), options);
  EXPECT_EQ(quiet.err, "");
  EXPECT_EQ(quiet.out, result.out);
}

TEST(Output, ProgressLinesFitNarrowTerminals) {
  RunOptions options;
  options.err_columns = 30;
  const std::string err = attribute(kTexts, options).err;
  for (size_t at = 0; at < err.size();) {
    const size_t end = std::min(err.find('\r', at), err.size());
    std::string line = err.substr(at, end - at);
    if (line.starts_with("\x1b[K")) line.erase(0, 3);
    EXPECT_LT(display_width(line), 30) << line;
    at = end + 1;
  }
}

TEST(Output, LinesFitTheTerminal) {
  const Words words = {"-i",
                       "The dog",
                       "-g",
                       "The dog ate the food and the cat ran to the house of the bird",
                       "--step_scores",
                       "probability"};
  for (const int width : {40, 60, 100, 200}) {
    RunOptions options;
    options.out_columns = width;
    options.environment = {{"NO_COLOR", "1"}};
    const RunResult result = attribute(words, options);
    EXPECT_EQ(result.exit_code, 0);
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(display_width(line), width) << line;
  }
  RunOptions columns;
  columns.environment = {{"COLUMNS", "50"}};
  std::istringstream lines(attribute(words, columns).out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 50) << line;
}

TEST(Output, EverySequenceHasItsTable) {
  const RunResult result =
      attribute({"-i", "The dog", "A cat", "-g", "The dog ran", "A cat ate food"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_contains(result.out, "Sequence 1 of 2");
  expect_contains(result.out, "Sequence 2 of 2");
}

TEST(Output, StepScoresAreShown) {
  const std::string out = attribute(with(kTexts, {"--step_scores", "probability", "entropy"})).out;
  EXPECT_NE(line_with(out, "probability "), "");
  EXPECT_NE(line_with(out, "entropy "), "");
  const std::string dummy =
      attribute(with(kTexts, {"-a", "dummy", "--step_scores", "entropy"})).out;
  EXPECT_NE(line_with(dummy, "entropy "), "");
  expect_contains(dummy, "no attribution scores");
}

TEST(Output, OptionsWithoutEffectAreWarnedOf) {
  for (const Words& words : std::vector<Words>{{"--attribute_target"},
                                               {"--generate_from_target_prefix"},
                                               {"--generation_kwargs", R"({"max_new_tokens": 3})"},
                                               {"--aggregate_output"},
                                               {"--attribution_aggregators", "vnorm"}}) {
    const RunResult result = attribute(with(kTexts, words));
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(count_of("\n", result.err), 1u) << result.err;
    expect_contains(result.err, "inseq: warning: " + words[0]);
  }
  EXPECT_EQ(attribute(with(kTexts, {"--attribute_target", "false"})).err, "");
  EXPECT_EQ(attribute(with(kTexts, {"--aggregate_output", "false"})).err, "");
}

TEST(Output, ClosedStandardOutputIsAnError) {
  RunOptions options;
  options.closed_out = true;
  const Words attributing = with({"attribute", "-m", model_folder()}, kTexts);
  for (const Words& words : std::vector<Words>{
           {"methods"}, {"methods", "--json"}, {"--help"}, {"attribute", "--help"}, attributing}) {
    const RunResult result = inseq(words, options);
    EXPECT_EQ(result.exit_code, 1) << words[0];
    EXPECT_EQ(result.err, "inseq: standard output could not be written\n") << words[0];
  }
}

TEST(Output, DumbTerminalsGetNoProgressLine) {
  RunOptions options;
  options.err_columns = 80;
  options.environment = {{"TERM", "dumb"}};
  EXPECT_EQ(attribute(kTexts, options).err, "");
  EXPECT_EQ(count_of("\x1b", attribute({"-i", "a", "-s", "99"}, options).err), 0u);
}

}  // namespace
}  // namespace inseq::test
