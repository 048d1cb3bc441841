#include "render/terminal_heatmap.h"

#include <gtest/gtest.h>

#include <sstream>

#include "base/display_width.h"
#include "inseq/error.h"

namespace inseq::render {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();
const double kInf = std::numeric_limits<double>::infinity();

std::vector<Token> tokens(const std::vector<std::string>& texts) {
  std::vector<Token> out;
  for (const std::string& text : texts) out.push_back({text, 0});
  return out;
}

/// A decoder-only attribution of `texts` from `start` on; every visible cell is `value`.
AttributionOutput decoder_only(const std::vector<std::string>& texts, int64_t start, double value) {
  SequenceAttribution sequence;
  sequence.kind = AttributionKind::kCoarse;
  sequence.target = tokens(texts);
  sequence.source = {sequence.target.begin(), sequence.target.begin() + start};
  sequence.attr_pos_start = start;
  sequence.attr_pos_end = static_cast<int64_t>(texts.size());
  const int64_t steps = sequence.attr_pos_end - start;
  Tensor scores = at::full({sequence.attr_pos_end, steps}, value, at::kFloat);
  for (int64_t step = 0; step < steps; ++step)
    scores.select(1, step).slice(0, start + step).fill_(kNan);
  sequence.target_attributions = scores;
  sequence.step_scores["probability"] = at::linspace(0.001, 1, steps);
  AttributionOutput output;
  output.sequences = {sequence};
  output.info = {{"attribution_method", "saliency"},
                 {"attributed_fn", "probability_fn"},
                 {"model_name", "tiny"}};
  return output;
}

std::vector<std::string> words(int count) {
  const std::vector<std::string> some = {
      "Ġthe",  "Ġunbelievably", "日本語", "👩‍👩‍👧", "e\u0301", "Ċ", "Ġ",
      "ĠĠĠĠĠ", "</s>",          ""};
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back(some[static_cast<size_t>(i) % some.size()]);
  return out;
}

std::string without_colours(const std::string& text) {
  std::string out;
  bool inside = false;  // an escape sequence, which ends with 'm'
  for (const char c : text) {
    if (c == '\x1b') inside = true;
    if (!inside) out.push_back(c);
    if (c == 'm') inside = false;
  }
  return out;
}

/// Whether a line without colours is the bar between two numbers.
bool is_bar(const std::string& line) {
  const size_t gap = line.find(std::string(14, ' '));
  return gap != std::string::npos && line.find_first_not_of("-.0123456789 ") == std::string::npos &&
         line.find_first_not_of("-.0123456789") == gap && line.find_last_of(' ') == gap + 13;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(without_colours(text));
  for (std::string line; std::getline(in, line);) {
    lines.push_back(
        line.substr(0, line.find_last_not_of(' ') + 1));  // coloured cells end with a space
  }
  return lines;
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++found;
  return found;
}

TEST(Heatmap, ShowsTokensScoresAndWhatTheyAre) {
  AttributionOutput output = decoder_only({"Ġa", "Ġb", "Ġc", "Ġd"}, 2, 0.25);
  output.sequences[0].target_attributions[0][1] = 0.5;
  EXPECT_EQ(render_heatmap(output),
            "saliency of probability · tiny\n"
            "\n"
            "               2       3\n"
            "               c       d\n"
            "────────────────────────────\n"
            "0 a          0.250   0.500\n"
            "1 b          0.250   0.250\n"
            "2 c                  0.250\n"
            "────────────────────────────\n"
            "probability  0.0010   1.00\n"
            "\n"
            "Rows: input tokens. Columns: generated tokens. A cell is the score as the method\n"
            "gives it.\n");
}

TEST(Heatmap, ColoursChangeNothingButColours) {
  for (const double value : {0.3, -0.3}) {
    AttributionOutput output = decoder_only(words(30), 5, value);
    HeatmapOptions options;
    const std::string plain = render_heatmap(output, options);
    for (const ColourMode mode : {ColourMode::k256, ColourMode::kTrueColour}) {
      options.colour = mode;
      std::vector<std::string> coloured = lines_of(render_heatmap(output, options));
      EXPECT_EQ(std::erase_if(coloured, is_bar), 1U);
      EXPECT_EQ(coloured, lines_of(plain));
    }
  }
}

class Widths : public ::testing::TestWithParam<int> {};

TEST_P(Widths, EveryLineFits) {
  for (const ColourMode mode : {ColourMode::kNone, ColourMode::kTrueColour}) {
    for (const double value : {0.25, -123456.0, 1e-9, kInf}) {
      HeatmapOptions options;
      options.width = GetParam();
      options.colour = mode;
      AttributionOutput output = decoder_only(words(60), 13, value);
      output.sequences[0].step_scores["a_step_score_with_a_long_name"] = at::full({47}, -1.5e-12);
      for (const std::string& line : lines_of(render_heatmap(output, options))) {
        EXPECT_LE(display_width(line), std::max(24, GetParam())) << line;
      }
    }
  }
}

TEST_P(Widths, EveryColumnIsInOnePanel) {
  HeatmapOptions options;
  options.width = GetParam();
  const std::string text = render_heatmap(decoder_only(words(60), 50, 0.25), options);
  EXPECT_EQ(count(text, "0.250"), 50U * 10 + 45);
}

TEST_P(Widths, CellsOfAColumnStandInLine) {
  HeatmapOptions options;
  options.width = GetParam();
  for (const std::string& panel : {render_heatmap(decoder_only(words(40), 30, 0.25), options)}) {
    std::vector<std::vector<int>> starts;  // of a full row of each panel
    for (const std::string& line : lines_of(panel)) {
      std::vector<int> found;
      for (size_t at = line.find("0.250"); at != std::string::npos;
           at = line.find("0.250", at + 5)) {
        found.push_back(display_width(line.substr(0, at)));
      }
      if (line.starts_with(" 0 ")) starts.push_back(found);
      if (found.empty() || starts.empty()) continue;
      // Later rows of a panel show the last columns only.
      const std::vector<int>& full = starts.back();
      ASSERT_LE(found.size(), full.size());
      EXPECT_TRUE(std::equal(found.rbegin(), found.rend(), full.rbegin())) << line;
    }
    EXPECT_FALSE(starts.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(OfTerminals, Widths, ::testing::Values(1, 24, 40, 60, 80, 120, 200, 1000));

TEST(Heatmap, EveryPanelRepeatsTheRowLabels) {
  std::vector<std::string> texts(40, "Ġtoken");
  texts[0] = "Ġfirst";
  HeatmapOptions options;
  options.width = 60;
  const std::string text = render_heatmap(decoder_only(texts, 10, 0.25), options);
  const size_t panels = count(text, " 0 first");
  EXPECT_GE(panels, 4U);
  EXPECT_EQ(count(text, "probability  "), panels);
  EXPECT_EQ(count(text, "39 token"), 0U);  // the last token is never an input
}

TEST(Heatmap, PositiveScoresAreRedAndNegativeBlue) {
  HeatmapOptions options;
  options.colour = ColourMode::kTrueColour;
  AttributionOutput output = decoder_only({"a", "b", "c", "d"}, 2, 0.5);
  const std::string red = "48;2;178;24;43", blue = "48;2;33;102;172", white = "48;2;255;255;255";
  std::string text = render_heatmap(output, options);
  EXPECT_EQ(count(text, red), 5U + 1);  // constant: all cells at the end of the scale, and the bar
  EXPECT_EQ(count(text, blue), 0U);
  output.sequences[0].target_attributions[0][0] = -0.5;
  output.sequences[0].target_attributions[0][1] = 0;
  text = render_heatmap(output, options);
  EXPECT_EQ(count(text, blue), 1U + 1);
  EXPECT_EQ(count(text, red), 3U + 1);
  EXPECT_EQ(count(text, white), 1U);
}

TEST(Heatmap, InfiniteScoresDoNotDrownTheOthers) {
  HeatmapOptions options;
  options.colour = ColourMode::kTrueColour;
  AttributionOutput output = decoder_only({"a", "b", "c"}, 2, 0.5);
  output.sequences[0].target_attributions[0][0] = kInf;
  const std::string text = render_heatmap(output, options);
  EXPECT_NE(text.find("inf"), std::string::npos);
  EXPECT_EQ(count(text, "48;2;178;24;43"), 2U + 1);
}

TEST(Heatmap, AllZero) {
  HeatmapOptions options;
  options.colour = ColourMode::kTrueColour;
  const std::string text = render_heatmap(decoder_only({"a", "b", "c"}, 2, 0), options);
  EXPECT_EQ(count(text, "48;2;255;255;255"), 2U);
  EXPECT_EQ(count(text, "0.00 "), 2U);
}

TEST(Heatmap, AllNan) {
  const std::string text = render_heatmap(decoder_only({"a", "b", "c"}, 2, kNan));
  EXPECT_NE(text.find("0 a\n1 b\n2 c\n"), std::string::npos) << text;
  EXPECT_NE(text.find("There are no attribution scores to show."), std::string::npos);
}

TEST(Heatmap, NoSteps) {
  AttributionOutput output = decoder_only({"a", "b"}, 2, 0);
  output.sequences[0].step_scores.clear();
  EXPECT_EQ(render_heatmap(output),
            "saliency of probability · tiny\n\nNo generated token was attributed.\n");
}

TEST(Heatmap, NoSequences) { EXPECT_EQ(render_heatmap({}), "attribution\n"); }

TEST(Heatmap, OnlyStepScores) {
  AttributionOutput output = decoder_only({"a", "b", "c"}, 1, 0);
  output.sequences[0].kind = AttributionKind::kPlain;
  output.sequences[0].target_attributions = Tensor();
  const std::string text = render_heatmap(output);
  EXPECT_NE(text.find("probability  0.0010   1.00"), std::string::npos) << text;
  EXPECT_NE(text.find("There are no attribution scores to show."), std::string::npos);
}

TEST(Heatmap, EncoderDecoderHasTwoTables) {
  AttributionOutput output = decoder_only({"<s>", "x", "y"}, 1, 0.25);
  SequenceAttribution& sequence = output.sequences[0];
  sequence.source = tokens({"▁eins", "▁zwei"});
  sequence.source_attributions = at::tensor({0.1, 0.2, 0.3, 0.4}, at::kFloat).view({2, 2});
  const std::string text = render_heatmap(output);
  const size_t source = text.find("Source\n"), target = text.find("Target prefix\n");
  EXPECT_LT(source, text.find("0 eins"));
  EXPECT_LT(text.find("0 eins"), target);
  EXPECT_LT(target, text.find("0 <s>"));
  EXPECT_NE(text.find("0 eins       0.100   0.200\n"), std::string::npos) << text;
  EXPECT_NE(text.find("0 <s>        0.250   0.250\n"), std::string::npos) << text;
  EXPECT_EQ(count(text, "probability "), 1U + 1);  // in the headline and below the last table
}

TEST(Heatmap, AggregatesByDefault) {
  AttributionOutput output = decoder_only({"a", "b", "c"}, 2, 0);
  SequenceAttribution& sequence = output.sequences[0];
  sequence.kind = AttributionKind::kGranular;
  sequence.target_attributions =
      at::tensor({3.0, 4.0, 0.0, 5.0, kNan, kNan}, at::kFloat).view({3, 1, 2});
  const std::string text = render_heatmap(output);
  EXPECT_EQ(count(text, "0.500"), 2U);
  EXPECT_NE(text.find("a column adds up to 1."), std::string::npos);
}

TEST(Heatmap, ScoresThatDoNotFitTheTokensAreRefused) {
  AttributionOutput output = decoder_only({"a", "b", "c"}, 1, 0.5);
  output.sequences[0].target.pop_back();
  EXPECT_THROW(render_heatmap(output), InvalidArgument);
  output = decoder_only({"a", "b", "c"}, 1, 0.5);
  output.sequences[0].target_attributions = at::zeros({3, 2, 2});
  EXPECT_THROW(render_heatmap(output), InvalidArgument);
}

TEST(Heatmap, TokensCannotCommandTheTerminal) {
  const std::string text =
      render_heatmap(decoder_only({"\x1b[2Ja", "b\rc", "d\u202Ee", "\xFF"}, 2, 0.5));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(text.find("\u202E"), std::string::npos);
  EXPECT_NE(text.find("␛[2Ja"), std::string::npos);
}

TEST(Heatmap, TokensAreShownAsTheCallerWants) {
  HeatmapOptions options;
  options.readable = [](const Token& token) { return "<" + token.text + ">"; };
  EXPECT_NE(render_heatmap(decoder_only({"a", "b"}, 1, 0.5), options).find("0 <a>"),
            std::string::npos);
}

TEST(Heatmap, SpacesAndLineBreaksAreVisible) {
  const std::string text = render_heatmap(decoder_only({"Ġ", "ĠĠĠĠĠ", "Ċ", "", "x"}, 4, 0.5));
  for (const char* row : {"0 ␣ ", "1 ␣×5 ", "2 ↵ ", "3 ∅ "})
    EXPECT_NE(text.find(row), std::string::npos) << row;
}

TEST(Heatmap, ShowsTheImportantRowsWhenThereAreTooMany) {
  AttributionOutput output = decoder_only(std::vector<std::string>(50, "x"), 49, 0.001);
  output.sequences[0].target_attributions[7][0] = -0.9;
  output.sequences[0].target_attributions[30][0] = 0.8;
  HeatmapOptions options;
  options.max_rows = 2;
  const std::string text = render_heatmap(output, options);
  EXPECT_NE(text.find(" ⋮ 7 tokens with smaller scores\n 7 x"), std::string::npos) << text;
  EXPECT_NE(text.find(" ⋮ 22 tokens with smaller scores\n30 x"), std::string::npos) << text;
  EXPECT_NE(text.find(" ⋮ 18 tokens with smaller scores\n"), std::string::npos) << text;
  EXPECT_EQ(count(text, " x "), 2U + 0);
}

TEST(Heatmap, AttentionIsOfNoFunction) {
  AttributionOutput output = decoder_only({"a", "b", "c"}, 2, 0);
  SequenceAttribution& sequence = output.sequences[0];
  sequence.kind = AttributionKind::kMultiDimensional;
  sequence.target_attributions = at::ones({3, 1, 2, 2});
  output.info["attribution_method"] = "attention";
  HeatmapOptions options;
  options.width = 200;
  const std::string text = render_heatmap(output, options);
  EXPECT_TRUE(text.starts_with("attention · tiny\n")) << text;
  EXPECT_NE(text.find("mean over layers and heads"), std::string::npos);
  EXPECT_EQ(count(text, "0.333"), 3U);
}

TEST(Heatmap, SeveralSequencesShareTheirNotes) {
  AttributionOutput output = decoder_only({"a", "b"}, 1, 0.5);
  output.sequences.push_back(output.sequences[0]);
  std::string text = render_heatmap(output);
  EXPECT_NE(text.find("Sequence 2 of 2"), std::string::npos);
  EXPECT_EQ(count(text, "Rows: input tokens."), 1U);
  output.sequences[1].target_attributions = at::full({2, 1}, 1e-7, at::kFloat);
  text = render_heatmap(output);
  EXPECT_EQ(count(text, "Rows: input tokens."), 2U);
  EXPECT_NE(text.find("All scores ×10⁻⁷."), std::string::npos);
}

}  // namespace
}  // namespace inseq::render
