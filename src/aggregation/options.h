#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "inseq/attribution.h"

namespace inseq::aggregation {

/// Token positions [first, second).
using Span = std::pair<int64_t, int64_t>;

/// Which units of the last axis take part: one index (which then needs no aggregation), a range
/// [first, second), or a list. Negative indices count from the end.
using Selection = std::variant<int64_t, Span, std::vector<int64_t>>;

/// What happens to scores after their last axis is aggregated.
enum class Scaling {
  kNone,       ///< nothing
  kNormalize,  ///< the absolute scores of a step sum to one, source and target tokens together
  kRescale,    ///< the largest absolute score of all steps is one
};

/// Settings of the aggregators; each reads those that concern it.
struct Options {
  Scaling scaling = Scaling::kNormalize;  ///< scores: after each aggregation
  std::optional<Selection> select = {};   ///< scores: units of the last axis; all when absent
  double vnorm_order = 2;                 ///< vnorm: order of the norm
  std::vector<Span> source_spans =
      {};  ///< spans, slices: source tokens, ascending, not overlapping
  std::vector<Span> target_spans = {};          ///< spans, slices: the same for target tokens
  bool merge_source = true;                     ///< subwords: join source tokens
  bool merge_target = true;                     ///< subwords: join target tokens
  std::vector<std::string> word_marks = {"▁"};  ///< subwords: what a word's first token begins with
  bool marks_continuation =
      false;  ///< subwords: the marks are on a word's later tokens ("##") instead
  const SequenceAttribution* paired = nullptr;  ///< pair: what the sequence is subtracted from
  bool check_result = true;  ///< whether the result must have one score per token and step
};

}  // namespace inseq::aggregation
