#include "support/golden.h"

#include <gtest/gtest.h>

#include <limits>

#include "inseq/error.h"

namespace inseq::test {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(NormalisedError, IsRelativeToTheLargestExpectedValue) {
  EXPECT_DOUBLE_EQ(normalised_error(at::tensor({1.0, 3.5}), at::tensor({1.0, 4.0})), 0.125);
  EXPECT_DOUBLE_EQ(normalised_error(at::tensor({0.25}), at::tensor({0.0})), 0.25);
}

TEST(NormalisedError, LooksPastNaNsThatAreInTheSamePlaces) {
  EXPECT_EQ(normalised_error(at::tensor({kNaN, 2.0}), at::tensor({kNaN, 2.0})), 0);
  EXPECT_TRUE(std::isinf(normalised_error(at::tensor({kNaN, 2.0}), at::tensor({1.0, 2.0}))));
  EXPECT_TRUE(std::isinf(normalised_error(at::tensor({1.0, 2.0}), at::tensor({kNaN, 2.0}))));
}

TEST(NormalisedError, IsInfiniteForOtherShapesAndMissingTensors) {
  EXPECT_TRUE(std::isinf(normalised_error(at::zeros({2}), at::zeros({2, 1}))));
  EXPECT_TRUE(std::isinf(normalised_error(Tensor(), at::zeros({2}))));
}

/// An output that holds exactly what a golden answer says.
AttributionOutput output_of(const GoldenAnswer& answer) {
  AttributionOutput out;
  for (const GoldenSequence& golden : answer.sequences) {
    SequenceAttribution s;
    s.kind = golden.kind;
    s.source = golden.source;
    s.target = golden.target;
    s.attr_pos_start = golden.attr_pos_start;
    s.attr_pos_end = golden.attr_pos_end;
    s.num_dimensions = golden.kind == AttributionKind::kMultiDimensional ? 2 : 0;
    s.aggregator = {"vnorm"};
    if (s.num_dimensions == 2) s.aggregator = {"mean", "mean"};
    for (const auto& [name, tensor] : golden.tensors) {
      if (name == "target_attributions") s.target_attributions = tensor.clone();
      if (name.starts_with("step_scores.")) s.step_scores[name.substr(12)] = tensor.clone();
    }
    out.sequences.push_back(s);
  }
  out.info = answer.info;
  out.info["generated_texts"] = answer.generated_texts;
  return out;
}

TEST(GoldenAnswers, AgreeWithThemselvesAndWithTheirAggregation) {
  for (const char* name : {"llama_saliency", "llama_attention", "llama_batch_free",
                           "gpt2_batch_eos", "llama_dynamic"}) {
    const GoldenCase golden = read_golden_case(name);
    const GoldenAnswer answer = read_golden_answer(golden);
    ASSERT_FALSE(answer.sequences.empty()) << name;
    EXPECT_TRUE(answer.sequences[0].tensors.count("aggregated.target_attributions")) << name;
    for (const std::string& problem : differences(output_of(answer), answer, 1e-6))
      ADD_FAILURE() << name << ": " << problem;
  }
}

TEST(GoldenAnswers, AreTheRightOnesWhereInseqIsOdd) {
  const GoldenCase golden = read_golden_case("llama_pad_token");
  EXPECT_FALSE(golden.oddity.empty());
  const GoldenAnswer answer = read_golden_answer(golden);
  ASSERT_EQ(answer.sequences.size(), 1u);
  EXPECT_EQ(answer.sequences[0].target.size(), 8u);  // Inseq drops <pad> from the text
  EXPECT_EQ(answer.sequences[0].tensors.at("target_attributions").size(1), 4);
}

TEST(Differences, NameWhatDiffers) {
  const GoldenAnswer answer = read_golden_answer(read_golden_case("llama_saliency"));
  const auto problems_after = [&](const auto& change) {
    AttributionOutput out = output_of(answer);
    change(out.sequences[0]);
    std::string lines;
    for (const std::string& problem : differences(out, answer, 1e-4)) lines += problem + '\n';
    return lines;
  };
  using Sequence = SequenceAttribution;
  EXPECT_EQ(problems_after([](Sequence&) {}), "");
  EXPECT_EQ(
      problems_after([](Sequence& s) { s.source[1].id = 5; }),
      "sequence 0 source is [<s>#0 The#5 Ġdo#312 g#73], expected [<s>#0 The#266 Ġdo#312 g#73]\n");
  EXPECT_EQ(problems_after([](Sequence& s) { s.step_scores.erase("entropy"); }),
            "sequence 0 step_scores.entropy is missing\n");
  EXPECT_EQ(problems_after([](Sequence& s) { s.step_scores["logit"].mul_(2); }),
            "sequence 0 step_scores.logit has the normalised error 1, allowed is 0.0001\n");
  // What does not fit together cannot be aggregated either.
  const std::string past_the_end = problems_after([](Sequence& s) { s.attr_pos_end += 1; });
  EXPECT_TRUE(past_the_end.starts_with(
      "sequence 0 attr_pos_end is 9, expected 8\nsequence 0 cannot be aggregated: "))
      << past_the_end;
  const std::string short_scores =
      problems_after([](Sequence& s) { s.step_scores["logit"] = at::zeros({2}); });
  EXPECT_NE(short_scores.find("sequence 0 step_scores.logit is [2], expected [4]\n"),
            std::string::npos)
      << short_scores;
}

TEST(Differences, SeeAnotherNumberOfSequencesAndOtherTexts) {
  const GoldenAnswer answer = read_golden_answer(read_golden_case("llama_saliency"));
  AttributionOutput out = output_of(answer);
  out.sequences.clear();
  out.info["generated_texts"] = {"The cat"};
  const std::vector<std::string> problems = differences(out, answer, 1e-4);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0], "number of sequences is 0, expected 1");
  EXPECT_EQ(problems[1], "generated texts is [\"The cat\"], expected [\"The dog ate bread.\"]");
}

TEST(GoldenCases, HaveAnAnswerEach) {
  const std::vector<std::string> names = golden_case_names();
  EXPECT_GE(names.size(), 40u);
  for (const std::string& name : names) {
    const GoldenCase golden = read_golden_case(name);
    const GoldenAnswer answer = read_golden_answer(golden);
    const size_t texts = golden.input_texts.size();
    EXPECT_EQ(golden.task == "generate" ? answer.generated.size() : answer.sequences.size(), texts)
        << name;
    EXPECT_GT(golden.bound, 0) << name;
  }
}

}  // namespace
}  // namespace inseq::test
