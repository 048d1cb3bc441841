#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "inseq/progress.h"
#include "step_functions/registry/step_function.h"

namespace inseq::engine {

using Tensor = at::Tensor;

/// What is kept of an attribution.
enum class Detail {
  kGranular,  ///< every unit of the attributed layer, every layer and head
  kPerToken,  ///< one number per token and step, reduced as soon as it exists; reduced axes stay
              ///< with size 1
};

/// One text with the steps to explain, and what is asked about them. The step at position p
/// explains token p from the tokens before it.
struct Question {
  Tensor ids;         // [tokens] int64
  int64_t first = 1;  // first explained position, at least 1
  int64_t last = 1;   // one past the last explained position, at most tokens
  step_functions::BoundFunction attributed_function;
  std::map<std::string, step_functions::BoundFunction> step_scores = {};  // computed alongside
  Detail detail = Detail::kGranular;

  int64_t steps() const { return last - first; }
};

/// Attributions and scores of all steps of one text.
struct Answer {
  /// [rows, steps, ...] float32 on the CPU, one row for each token before `last`; NaN where a token
  /// is not before the step's position. Undefined for methods that only score.
  Tensor attributions;
  std::map<std::string, Tensor> step_scores;  // name -> [steps] float32 on the CPU
};

}  // namespace inseq::engine
