#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "inseq/attribution.h"

namespace inseq::data {

/// Number of axes behind [tokens, steps] in the attributions of a sequence; 0 when it has none.
inline int64_t trailing_axes(const SequenceAttribution& sequence) {
  const Tensor& scores = sequence.source_attributions.defined() ? sequence.source_attributions
                                                                : sequence.target_attributions;
  return scores.defined() && scores.dim() > 2 ? scores.dim() - 2 : 0;
}

/// What aggregates attributions of this kind to one score per token and step, when they still have
/// `trailing` axes behind [tokens, steps]: the norm over hidden units, the mean over layers and
/// heads.
inline std::vector<std::string> default_aggregators(AttributionKind kind, int64_t trailing) {
  if (trailing == 0 || kind == AttributionKind::kCoarse) return {};
  if (kind == AttributionKind::kGranular) return {"vnorm"};
  if (kind == AttributionKind::kPlain) return {"scores"};
  return std::vector<std::string>(static_cast<size_t>(trailing), "mean");
}

}  // namespace inseq::data
