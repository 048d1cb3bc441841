#include "aggregation/aggregators.h"
#include "data/attribution_axes.h"

namespace inseq::aggregation {

namespace {

int64_t from_end(int64_t index, int64_t units) { return index < 0 ? units + index : index; }

void check_index(int64_t index, int64_t units) {
  INSEQ_CHECK(-units <= index && index < units, InvalidArgument, "selected index ", index,
              " is out of range: the scores have ", units, " units");
}

/// The indices of a selection over `units` units, as a tensor.
Tensor indices_of(const Selection& selection, int64_t units) {
  if (const auto* index = std::get_if<int64_t>(&selection)) {
    check_index(*index, units);
    return at::tensor({from_end(*index, units)}, at::kLong);
  }
  if (const auto* range = std::get_if<Span>(&selection)) {
    const int64_t first = from_end(range->first, units), end = from_end(range->second, units);
    INSEQ_CHECK(0 <= first && first < end && end <= units, InvalidArgument, "selected range ",
                range->first, " to ", range->second, " is empty or out of range: the scores have ",
                units, " units");
    return at::arange(first, end, at::kLong);
  }
  std::vector<int64_t> indices = std::get<std::vector<int64_t>>(selection);
  INSEQ_CHECK(!indices.empty(), InvalidArgument, "an empty list of indices selects nothing");
  for (int64_t& index : indices) {
    check_index(index, units);
    index = from_end(index, units);
  }
  const std::set<int64_t> unique(indices.begin(), indices.end());
  INSEQ_CHECK(unique.size() == indices.size(), InvalidArgument, "a selected index occurs twice");
  return at::tensor(indices, at::kLong);
}

/// Selects and aggregates the last axis. scores: [tokens, steps, ..., units] -> [tokens, steps,
/// ...].
Tensor aggregate_last(const Tensor& scores, const Reduce& reduce, const Options& options) {
  INSEQ_CHECK(scores.size(-1) > 0, InvalidArgument, "the scores have the shape ", scores.sizes(),
              ": their last axis is empty and cannot be aggregated");
  if (!options.select) return reduce(scores, -1, options);
  const Tensor selected =
      scores.index_select(-1, indices_of(*options.select, scores.size(-1)).to(scores.device()));
  if (std::holds_alternative<int64_t>(*options.select)) return selected.squeeze(-1);
  return reduce(selected, -1, options);
}

/// Scales scores whose first axis is tokens; NaN stays NaN and counts as zero.
Tensor scaled(const Tensor& scores, Scaling scaling) {
  if (scaling == Scaling::kNone || scores.numel() == 0) return scores;
  const Tensor missing = scores.isnan();
  const Tensor filled = scores.masked_fill(missing, 0.0);
  // 1e-12: a step whose scores are all zero stays zero.
  const Tensor size = scaling == Scaling::kNormalize
                          ? at::linalg_vector_norm(filled, 1, 0, /*keepdim=*/true).clamp_min(1e-12)
                          : filled.abs().max();
  return (filled / size).masked_fill(missing, std::numeric_limits<double>::quiet_NaN());
}

/// Scales source and target attributions as one tensor. Either may be undefined.
void scale_attributions(SequenceAttribution& sequence, Scaling scaling) {
  Tensor& source = sequence.source_attributions;
  Tensor& target = sequence.target_attributions;
  if (source.defined() && target.defined()) {
    const int64_t sources = source.size(0), targets = target.size(0);
    const std::vector<Tensor> parts =
        scaled(at::cat({source, target}), scaling).split_with_sizes({sources, targets});
    source = parts[0];
    target = parts[1];
  } else if (source.defined()) {
    source = scaled(source, scaling);
  } else if (target.defined()) {
    target = scaled(target, scaling);
  }
}

SequenceAttribution apply(const SequenceAttribution& sequence, const Options& options,
                          const Reduce* reduce) {
  const bool granular = sequence.kind == AttributionKind::kGranular;
  const Reduce& for_attributions =
      reduce ? *reduce : functions().at(granular ? "vnorm" : "mean").reduce;
  const Reduce& for_sequence_scores = reduce ? *reduce : functions().at("mean").reduce;
  SequenceAttribution out = sequence;
  for (Tensor* scores : {&out.source_attributions, &out.target_attributions}) {
    if (!scores->defined()) continue;
    INSEQ_CHECK(scores->dim() > 2, InvalidArgument,
                "the attributions already have one score per token and step; there is no axis left "
                "to aggregate "
                "(leave the aggregator away)");
    *scores = aggregate_last(*scores, for_attributions, options);
  }
  scale_attributions(out, options.scaling);
  for (auto& [name, scores] : out.sequence_scores) {
    if (scores.dim() > 2) scores = aggregate_last(scores, for_sequence_scores, options);
  }
  return out;
}

}  // namespace

Aggregator scores_aggregator() {
  return {
      "the last axis (hidden units, heads or layers), by the norm for gradients and the mean for "
      "others",
      [](const SequenceAttribution&, const Options&) {}, apply, /*must_end_plain=*/true};
}

}  // namespace inseq::aggregation
