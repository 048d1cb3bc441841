#pragma once
#include "models/stack/language_model.h"
#include "nn/value_share.h"

namespace inseq::models {

/// Where values are zeroed, for the families of models to share.
struct ZeroedLayer {
  Mixing where = Mixing::kDecoder;
  int64_t layer = 0;
  int64_t first_row = 0;  // of the stack, wanted
  bool causal = false;    // a row does not see later tokens
  Tensor clean;           // [tokens of the stack, hidden]
  /// The layer's output from row `row` on when its attention writes `lost` less: [n, rows, hidden]
  /// -> same.
  std::function<Tensor(int64_t row, const Tensor& lost)> output;
};

/// Visits the tokens of a share, whose rows are those from first_row on, in parts.
void visit_tokens(const ValueZeroing& zeroing, const ZeroedLayer& layer,
                  const nn::ValueShare& share);

}  // namespace inseq::models
