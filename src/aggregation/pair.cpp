#include "aggregation/aggregators.h"

namespace inseq::aggregation {

namespace {

void check_shapes(const char* what, const Tensor& a, const Tensor& b) {
  INSEQ_CHECK(a.defined() == b.defined(), InvalidArgument,
              "only one of the paired attributions has ", what);
  INSEQ_CHECK(!a.defined() || a.sizes() == b.sizes(), InvalidArgument,
              "the paired attributions have ", what, " of shapes ", a.sizes(), " and ", b.sizes(),
              "; they need to be the same");
}

void check_score_names(const std::map<std::string, Tensor>& a,
                       const std::map<std::string, Tensor>& b) {
  for (const auto& [name, scores] : a) {
    const auto other = b.find(name);
    INSEQ_CHECK(other != b.end(), InvalidArgument, "the paired attribution has no scores called \"",
                name, "\"");
    check_shapes(name.c_str(), scores, other->second);
  }
}

void check(const SequenceAttribution& a, const Options& options) {
  INSEQ_CHECK(options.paired, InvalidArgument,
              "the aggregator \"pair\" needs a second attribution to compare with");
  const SequenceAttribution& b = *options.paired;
  INSEQ_CHECK(a.source.size() == b.source.size() && a.target.size() == b.target.size(),
              InvalidArgument, "the paired attributions have ", a.source.size(), " and ",
              b.source.size(), " source tokens, ", a.target.size(), " and ", b.target.size(),
              " target tokens; they need to be the same");
  check_shapes("source attributions", a.source_attributions, b.source_attributions);
  check_shapes("target attributions", a.target_attributions, b.target_attributions);
  check_score_names(a.step_scores, b.step_scores);
  check_score_names(a.sequence_scores, b.sequence_scores);
}

std::vector<Token> pair_tokens(const std::vector<Token>& a, const std::vector<Token>& b) {
  std::vector<Token> out;
  for (size_t i = 0; i < a.size(); ++i) {
    out.push_back(a[i].text == b[i].text ? a[i] : Token{a[i].text + " → " + b[i].text, -1});
  }
  return out;
}

Tensor difference(const Tensor& a, const Tensor& b) { return a.defined() ? b - a : a; }

SequenceAttribution apply(const SequenceAttribution& a, const Options& options,
                          const Reduce* reduce) {
  INSEQ_CHECK(reduce == nullptr, InvalidArgument,
              "the aggregator \"pair\" takes no aggregation function");
  const SequenceAttribution& b = *options.paired;
  check(a, options);  // an earlier aggregation may have changed the shapes
  SequenceAttribution out = a;
  out.source = pair_tokens(a.source, b.source);
  out.target = pair_tokens(a.target, b.target);
  out.source_attributions = difference(a.source_attributions, b.source_attributions);
  out.target_attributions = difference(a.target_attributions, b.target_attributions);
  for (auto& [name, scores] : out.step_scores) scores = difference(scores, b.step_scores.at(name));
  for (auto& [name, scores] : out.sequence_scores)
    scores = difference(scores, b.sequence_scores.at(name));
  return out;
}

}  // namespace

Aggregator pair_aggregator() {
  return {"the second attribution of a pair minus the first",
          [](const SequenceAttribution&, const Options& o) {
            INSEQ_CHECK(o.paired, InvalidArgument,
                        "the aggregator \"pair\" needs a second attribution to compare with");
          },
          apply, /*must_end_plain=*/true};
}

}  // namespace inseq::aggregation
