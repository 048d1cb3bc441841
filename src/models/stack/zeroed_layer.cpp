#include "models/stack/zeroed_layer.h"

#include <algorithm>

namespace inseq::models {

void visit_tokens(const ValueZeroing& zeroing, const ZeroedLayer& layer,
                  const nn::ValueShare& share) {
  const int64_t tokens = share.weights.size(0), all_rows = layer.clean.size(0);
  for (int64_t token = 0, count; token < tokens; token += count) {
    const int64_t row = layer.causal ? std::max(token, layer.first_row) : layer.first_row;
    const int64_t rows = all_rows - row;
    count = std::clamp<int64_t>(zeroing.rows_at_once / rows, 1, tokens - token);
    const Tensor lost = share.of(token, count, row - layer.first_row, rows);
    zeroing.visit({.where = layer.where,
                   .layer = layer.layer,
                   .token = token,
                   .row = row,
                   .clean = layer.clean.narrow(0, row, rows),
                   .changed = layer.output(row, lost.to(layer.clean.scalar_type()))});
  }
}

}  // namespace inseq::models
