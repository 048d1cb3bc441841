#pragma once
#include "nn/rotary.h"

namespace inseq::nn {

/// Heads [first, first + heads) of those that lie side by side in x, rotated where there is a
/// table: [batch, tokens, units] -> [batch, heads, tokens, head_dim], contiguous, float32 or wider.
Tensor split_heads(const Tensor& x, int64_t first, int64_t heads, int64_t head_dim,
                   const RotaryTable& rotary = {});

}  // namespace inseq::nn
