#include "aggregation/aggregators.h"

namespace inseq::aggregation {

namespace {

NamedRegistry<Aggregator> make_aggregators() {
  NamedRegistry<Aggregator> out("aggregator", "inseq attribute --help");
  out.add("scores", scores_aggregator());
  out.add("spans", spans_aggregator());
  out.add("subwords", subwords_aggregator());
  out.add("pair", pair_aggregator());
  out.add("slices", slices_aggregator());
  return out;
}

void check_scores(const char* side, const Tensor& scores, int64_t tokens, int64_t steps) {
  if (!scores.defined()) return;
  INSEQ_CHECK(scores.dim() >= 2 && scores.size(0) == tokens && scores.size(1) == steps,
              InvalidArgument, "the ", side, " attributions have the shape ", scores.sizes(),
              ", the sequence has ", tokens, " ", side, " tokens and ", steps, " attributed steps");
}

}  // namespace

const NamedRegistry<Aggregator>& aggregators() {
  static const NamedRegistry<Aggregator> all = make_aggregators();
  return all;
}

void check_compatible(const SequenceAttribution& sequence) {
  const int64_t steps = sequence.attr_pos_end - sequence.attr_pos_start;
  const auto sources = static_cast<int64_t>(sequence.source.size());
  const auto targets =
      std::min(static_cast<int64_t>(sequence.target.size()), sequence.attr_pos_end);
  INSEQ_CHECK(0 <= sequence.attr_pos_start && steps >= 0 && targets == sequence.attr_pos_end,
              InvalidArgument, "the attributed positions ", sequence.attr_pos_start, " to ",
              sequence.attr_pos_end, " do not lie in the target of ", sequence.target.size(),
              " tokens");
  check_scores("source", sequence.source_attributions, sources, steps);
  check_scores("target", sequence.target_attributions, targets, steps);
  for (const auto& [name, scores] : sequence.step_scores) {
    INSEQ_CHECK(scores.defined() && scores.dim() >= 1 && scores.size(0) == steps, InvalidArgument,
                "the step scores \"", name, "\" do not have one value for each of the ", steps,
                " attributed steps");
  }
}

void check_plain(const SequenceAttribution& sequence) {
  for (const Tensor& scores : {sequence.source_attributions, sequence.target_attributions}) {
    INSEQ_CHECK(!scores.defined() || scores.dim() == 2, InvalidArgument,
                "after aggregation the attributions still have the shape ", scores.sizes(),
                "; add aggregators until only tokens and steps are left");
  }
}

void check_spans(const std::vector<Span>& spans, int64_t tokens, const char* side) {
  int64_t previous = 0;
  for (const auto& [first, last] : spans) {
    INSEQ_CHECK(previous <= first && first < last && last <= tokens, InvalidArgument, "the ", side,
                " span ", first, " to ", last,
                " is empty, overlaps the one before it, or is out of range: there are ", tokens,
                " ", side, " tokens");
    previous = last;
  }
}

}  // namespace inseq::aggregation
