#pragma once
#include "nn/linear.h"

namespace inseq::nn {

/// What the output of an attention block loses when the value vectors of one token are zeroed.
struct ValueShare {
  Tensor weights;  // [tokens, rows, heads]: attention weights of the chosen heads
  Tensor written;  // [tokens, heads, hidden]: what a token's values write where their weight is 1

  /// weights: [heads, rows, tokens], values: [heads, tokens, head_dim], of one batch entry; out:
  /// from all heads to hidden units; chosen: [heads] int64.
  ValueShare(const Tensor& weights, const Tensor& values, const Linear& out, const Tensor& chosen);

  /// Of the tokens [first, first + count), in `rows` rows from `row` on: [count, rows, hidden].
  Tensor of(int64_t first, int64_t count, int64_t row, int64_t rows) const;
};

}  // namespace inseq::nn
