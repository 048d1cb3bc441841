#include "aggregation/aggregators.h"

namespace inseq::aggregation {

namespace {

/// What slices keeps of each side.
struct Kept {
  std::vector<Span> source, target;
};

/// The target spans with the generated tokens, which are always kept, joined to the first span that
/// reaches them. Without source attributions the source is the prompt, and keeps what the target
/// keeps of it.
Kept kept_spans(const SequenceAttribution& in, const Options& options) {
  Kept kept{options.source_spans, {}};
  if (!in.source_attributions.defined()) {
    kept.source.clear();
    for (const auto& [first, last] : options.target_spans) {
      kept.source.emplace_back(first, std::min(last, in.attr_pos_start));
    }
  }
  bool generated = false;
  for (const auto& [first, last] : options.target_spans) {
    const bool reaches = last > in.attr_pos_start;
    if (reaches && generated) continue;
    kept.target.emplace_back(first, reaches ? in.attr_pos_end : last);
    generated = generated || reaches;
  }
  if (!generated) kept.target.emplace_back(in.attr_pos_start, in.attr_pos_end);
  return kept;
}

void check(const SequenceAttribution& in, const Options& options) {
  const bool has_source = in.source_attributions.defined();
  INSEQ_CHECK(has_source ? !options.source_spans.empty() : !options.target_spans.empty(),
              InvalidArgument, "the aggregator \"slices\" needs ", has_source ? "source" : "target",
              " spans to keep");
  const Kept kept = kept_spans(in, options);
  check_spans(kept.source, static_cast<int64_t>(in.source.size()), "source");
  check_spans(kept.target, static_cast<int64_t>(in.target.size()), "target");
}

std::vector<Token> keep_tokens(const std::vector<Token>& tokens, const std::vector<Span>& spans) {
  std::vector<Token> out;
  for (const auto& [first, last] : spans) {
    out.insert(out.end(), tokens.begin() + first, tokens.begin() + last);
  }
  return out;
}

Tensor keep_rows(const Tensor& scores, const std::vector<Span>& spans) {
  if (!scores.defined()) return scores;
  std::vector<Tensor> parts;
  for (const auto& [first, last] : spans) parts.push_back(scores.slice(0, first, last));
  return at::cat(parts);
}

Tensor keep_squares(const Tensor& scores, const std::vector<Span>& spans) {
  std::vector<Tensor> parts;
  for (const auto& [first, last] : spans)
    parts.push_back(scores.slice(0, first, last).slice(1, first, last));
  return at::cat(parts);
}

SequenceAttribution apply(const SequenceAttribution& in, const Options& options, const Reduce*) {
  check(in, options);  // an earlier aggregation may have changed the number of tokens
  const Kept kept = kept_spans(in, options);
  SequenceAttribution out = in;
  out.source = keep_tokens(in.source, kept.source);
  out.target = keep_tokens(in.target, kept.target);
  out.source_attributions = keep_rows(in.source_attributions, kept.source);
  out.target_attributions = keep_rows(in.target_attributions, kept.target);
  for (auto& [name, scores] : out.sequence_scores) {
    const bool decoder = name.starts_with("decoder");
    scores = name.starts_with("encoder") ? keep_squares(scores, kept.source)
                                         : keep_rows(scores, decoder ? kept.target : kept.source);
  }
  const int64_t steps = in.attr_pos_end - in.attr_pos_start;
  out.attr_pos_start = 0;
  for (const auto& [first, last] : kept.target) {
    out.attr_pos_start += std::min(last, in.attr_pos_start) - first;
  }
  out.attr_pos_end = out.attr_pos_start + steps;
  return out;
}

}  // namespace

Aggregator slices_aggregator() {
  return {"keeps the tokens of the given spans and the generated ones", check, apply};
}

}  // namespace inseq::aggregation
