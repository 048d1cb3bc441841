#include "nn/heads.h"

#include "nn/kernels/split_heads.h"

namespace inseq::nn {

Tensor split_heads(const Tensor& x, int64_t first, int64_t heads, int64_t head_dim,
                   const RotaryTable& rotary) {
  if (!recorded(x)) {
    Tensor fast = kernels::split_heads({x, first, heads, head_dim, rotary.cos, rotary.sin});
    if (fast.defined()) return fast;
  }
  const Tensor part = x.narrow(-1, first * head_dim, heads * head_dim);
  const Tensor split = widened(part).unflatten(-1, {heads, head_dim}).transpose(-3, -2);
  return (rotary.defined() ? rotate(split, rotary) : split).contiguous();
}

}  // namespace inseq::nn
