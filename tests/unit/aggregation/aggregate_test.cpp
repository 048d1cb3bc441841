#include "aggregation/aggregate.h"

#include <gtest/gtest.h>

#include "aggregation/aggregators.h"
#include "inseq/error.h"

namespace inseq::aggregation {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

/// Two source tokens, one prompt and two generated tokens; `units` is the last axis, 0 for none.
SequenceAttribution example(AttributionKind kind, int64_t units) {
  SequenceAttribution out;
  out.kind = kind;
  out.source = {{"▁a", 1}, {"b", 2}};
  out.target = {{"▁x", 3}, {"▁y", 4}, {"z", 5}};
  out.attr_pos_start = 1;
  out.attr_pos_end = 3;
  const auto values = [&](int64_t tokens, double first) {
    const Tensor flat = at::arange(
        first, first + static_cast<double>(tokens * 2 * std::max<int64_t>(1, units)), at::kDouble);
    return units == 0 ? flat.view({tokens, 2}) : flat.view({tokens, 2, units});
  };
  out.source_attributions = values(2, -3);
  out.target_attributions = values(3, 1);
  out.target_attributions[1][0].fill_(kNan);  // not visible yet
  out.target_attributions[2].fill_(kNan);
  out.step_scores["probability"] = at::tensor({0.5, 0.25}, at::kDouble);
  out.step_scores["entropy"] = at::tensor({1.0, 2.0}, at::kDouble);
  return out;
}

template <typename Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "no error";
}

TEST(Functions, AbsmaxKeepsTheSignAndPassesOverNan) {
  const Tensor t = at::tensor({0.3, kNan, -0.7, 0.1}, at::kDouble);
  const Options options;
  EXPECT_EQ(functions().at("absmax").reduce(t, 0, options).item<double>(), -0.7);
  EXPECT_TRUE(std::isnan(functions().at("max").reduce(t, 0, options).item<double>()));
}

TEST(Functions, VnormTakesAnOrder) {
  const Tensor t = at::tensor({3.0, -4.0}, at::kDouble);
  EXPECT_EQ(functions().at("vnorm").reduce(t, 0, {}).item<double>(), 5);
  EXPECT_EQ(functions().at("vnorm").reduce(t, 0, {.vnorm_order = 1}).item<double>(), 7);
}

TEST(Functions, StepScoresOfASpan) {
  const Tensor t = at::tensor({0.5, -0.25}, at::kDouble);
  EXPECT_EQ(span_function("probability")(t, 0, {}).item<double>(), -0.125);
  EXPECT_EQ(span_function("entropy")(t, 0, {}).item<double>(), 0.25);
  EXPECT_EQ(span_function("perplexity")(t, 0, {}).item<double>(), -0.125);
  EXPECT_EQ(span_function("pcxmi")(t, 0, {}).item<double>(), 0.25);  // not computed here
  EXPECT_EQ(span_function("logit")(t, 0, {}).item<double>(), 0.5);
  EXPECT_EQ(span_function("something else")(t, 0, {}).item<double>(), 0.5);
}

TEST(Aggregate, NormalizedStepsSumToOneOverBothSides) {
  const SequenceAttribution out = aggregate(example(AttributionKind::kGranular, 4));
  ASSERT_EQ(out.source_attributions.sizes(), at::IntArrayRef({2, 2}));
  const Tensor sums =
      out.source_attributions.abs().sum(0) + out.target_attributions.abs().nansum(0);
  EXPECT_TRUE(at::allclose(sums, at::ones({2}, at::kDouble)));
  EXPECT_TRUE(out.target_attributions[2].isnan().all().item<bool>());
  EXPECT_TRUE(out.aggregator.empty());
}

TEST(Aggregate, TwiceIsOnce) {
  for (const AttributionKind kind :
       {AttributionKind::kGranular, AttributionKind::kMultiDimensional}) {
    const SequenceAttribution once = aggregate(example(kind, 4));
    const SequenceAttribution twice = aggregate(once);
    EXPECT_TRUE(at::equal(once.source_attributions, twice.source_attributions));
  }
}

TEST(Aggregate, CoarseScoresStayAsTheyAre) {
  const SequenceAttribution in = example(AttributionKind::kCoarse, 0);
  EXPECT_TRUE(at::equal(aggregate(in).source_attributions, in.source_attributions));
}

TEST(Aggregate, InputIsNotChanged) {
  const SequenceAttribution in = example(AttributionKind::kMultiDimensional, 4);
  const Tensor before = in.target_attributions.clone();
  aggregate(in, {{"mean", ""}}, {.scaling = Scaling::kRescale});
  EXPECT_TRUE(at::allclose(in.target_attributions, before, 0, 0, /*equal_nan=*/true));
}

TEST(Aggregate, AllZeroAndAllNanScores) {
  SequenceAttribution in = example(AttributionKind::kGranular, 4);
  in.source_attributions = at::zeros({2, 2, 4});
  in.target_attributions = at::full({3, 2, 4}, kNan, at::kFloat);
  const SequenceAttribution out = aggregate(in);
  EXPECT_TRUE(at::equal(out.source_attributions, at::zeros({2, 2})));
  EXPECT_TRUE(out.target_attributions.isnan().all().item<bool>());
}

TEST(Aggregate, SpansMergeTokensScoresAndPositions) {
  Options options;
  options.source_spans = {{0, 2}};
  options.target_spans = {{1, 3}};
  const SequenceAttribution out =
      aggregate(example(AttributionKind::kCoarse, 0), {{"spans", ""}}, options);
  EXPECT_EQ(out.source, (std::vector<Token>{{"▁ab", -1}}));
  EXPECT_EQ(out.target, (std::vector<Token>{{"▁x", 3}, {"▁yz", -1}}));
  EXPECT_EQ(out.attr_pos_start, 1);
  EXPECT_EQ(out.attr_pos_end, 2);
  EXPECT_EQ(out.source_attributions.item<double>(), -3);
  EXPECT_EQ(out.step_scores.at("probability").item<double>(), 0.125);
  EXPECT_EQ(out.step_scores.at("entropy").item<double>(), 3);
}

TEST(Aggregate, SpansPastTheAttributedPositions) {
  SequenceAttribution in = example(AttributionKind::kCoarse, 0);
  in.target.push_back({"w", 6});
  in.target.push_back({"v", 7});
  const SequenceAttribution out = aggregate(in, {{"spans", ""}}, {.target_spans = {{2, 4}}});
  EXPECT_EQ(out.target.size(), 4U);
  EXPECT_EQ(out.attr_pos_end, 3);
  EXPECT_EQ(out.target_attributions.sizes(), at::IntArrayRef({3, 2}));
}

TEST(Aggregate, SubwordsKnowBothKindsOfMarks) {
  SequenceAttribution in = example(AttributionKind::kCoarse, 0);
  in.target = {{"phen", 1}, {"##omen", 2}, {"al", 3}};
  Options options;
  options.word_marks = {"##"};
  options.marks_continuation = true;
  const SequenceAttribution out = aggregate(in, {{"subwords", ""}}, options);
  ASSERT_EQ(out.target.size(), 2U);
  EXPECT_EQ(out.target[0].text, "phen##omen");
  EXPECT_EQ(out.attr_pos_start, 0);  // the word across the start is attributed as a whole
  options.merge_target = false;
  EXPECT_EQ(aggregate(in, {{"subwords", ""}}, options).target, in.target);
}

TEST(Aggregate, PairSubtractsTheFirst) {
  const SequenceAttribution a = example(AttributionKind::kCoarse, 0);
  SequenceAttribution b = a;
  b.source_attributions = a.source_attributions + 2;
  b.source[1].text = "c";
  const SequenceAttribution out = aggregate(a, {{"pair", ""}}, {.paired = &b});
  EXPECT_TRUE(at::equal(out.source_attributions, at::full({2, 2}, 2.0, at::kDouble)));
  EXPECT_EQ(out.source[1], (Token{"b → c", -1}));
  b.source.push_back({"d", 1});
  EXPECT_NE(message_of([&] {
              aggregate(a, {{"pair", ""}}, {.paired = &b});
            }).find("2 and 3 source tokens"),
            std::string::npos);
  EXPECT_NE(message_of([&] { aggregate(a, {{"pair", ""}}); }).find("needs a second attribution"),
            std::string::npos);
}

TEST(Aggregate, SlicesKeepGeneratedTokens) {
  const SequenceAttribution out =
      aggregate(example(AttributionKind::kCoarse, 0), {{"slices", ""}}, {.source_spans = {{1, 2}}});
  EXPECT_EQ(out.source, (std::vector<Token>{{"b", 2}}));
  EXPECT_EQ(out.target, (std::vector<Token>{{"▁y", 4}, {"z", 5}}));
  EXPECT_EQ(out.attr_pos_start, 0);
  EXPECT_EQ(out.attr_pos_end, 2);
  EXPECT_EQ(out.target_attributions.sizes(), at::IntArrayRef({2, 2}));
}

TEST(Aggregate, SelectsUnitsOfTheLastAxis) {
  const SequenceAttribution in = example(AttributionKind::kMultiDimensional, 4);
  Options options{.scaling = Scaling::kNone, .select = int64_t{-1}};
  EXPECT_TRUE(at::equal(aggregate(in, {{"mean", ""}}, options).source_attributions,
                        in.source_attributions.select(-1, 3)));
  options.select = std::vector<int64_t>{0, -1};
  EXPECT_TRUE(
      at::equal(aggregate(in, {{"sum", ""}}, options).source_attributions,
                in.source_attributions.select(-1, 0) + in.source_attributions.select(-1, 3)));
  for (const Selection& bad :
       {Selection(int64_t{4}), Selection(int64_t{-5}), Selection(Span{2, 2}), Selection(Span{0, 5}),
        Selection(std::vector<int64_t>{}), Selection(std::vector<int64_t>{1, -3})}) {
    options.select = bad;
    EXPECT_NE(message_of([&] { aggregate(in, {{"mean", ""}}, options); }), "no error");
  }
}

TEST(Aggregate, SaysWhatIsWrong) {
  const SequenceAttribution in = example(AttributionKind::kGranular, 4);
  EXPECT_EQ(message_of([&] { aggregate(in, {{"vnrom", ""}}); }),
            "unknown aggregator \"vnrom\"; did you mean \"vnorm\"? (pair, scores, slices, spans, "
            "subwords, absmax, max, "
            "mean, min, prod, sum and vnorm are known)");
  EXPECT_NE(message_of([&] { aggregate(in, {{"spans", "meann"}}); }).find("did you mean \"mean\"?"),
            std::string::npos);
  EXPECT_NE(message_of([&] { aggregate(in, {{"mean", "max"}}); }).find("cannot be combined"),
            std::string::npos);
  EXPECT_NE(message_of([&] { aggregate(in, {{"mean", ""}, {"mean", ""}}); }).find("no axis left"),
            std::string::npos);
  EXPECT_NE(message_of([&] {
              aggregate(in, {{"spans", ""}}, {.source_spans = {{1, 3}}});
            }).find("source span 1 to 3"),
            std::string::npos);
  SequenceAttribution odd = in;
  odd.source.pop_back();
  EXPECT_NE(
      message_of([&] { aggregate(odd); }).find("source attributions have the shape [2, 2, 4]"),
      std::string::npos);
  odd = in;
  odd.attr_pos_end = 9;
  EXPECT_NE(message_of([&] { aggregate(odd); }).find("do not lie in the target"),
            std::string::npos);
}

TEST(CommandLine, NormalizeAndRescaleExcludeEachOther) {
  AttributionOutput output;
  output.sequences = {example(AttributionKind::kMultiDimensional, 4)};
  CommandLineAggregation options{{"mean"}, {0}, true, true};
  EXPECT_NE(message_of([&] { aggregate(output, options); }).find("not both"), std::string::npos);
  options.attribution_aggregators = {"wrong"};
  EXPECT_NE(message_of([&] { aggregate(output, options); }).find("unknown aggregator"),
            std::string::npos);
}

}  // namespace
}  // namespace inseq::aggregation
