#pragma once
#include <functional>
#include <string>

#include "aggregation/options.h"
#include "base/registry.h"

namespace inseq::aggregation {

/// Reduces one axis of a tensor of scores.
using Reduce = std::function<Tensor(const Tensor& scores, int64_t axis, const Options& options)>;

/// A way to make one score of many.
struct AggregationFunction {
  std::string help;
  Reduce reduce;
};

/// All aggregation functions: mean, max, min, sum, prod, absmax, vnorm.
const NamedRegistry<AggregationFunction>& functions();

/// The function that makes one step score of a span's, for the step score of that name:
/// probabilities are multiplied, information is summed.
const Reduce& span_function(const std::string& step_score);

}  // namespace inseq::aggregation
