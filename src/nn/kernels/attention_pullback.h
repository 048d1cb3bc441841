#pragma once
#include "nn/rows.h"

namespace inseq::nn::kernels {

/// The inputs of causal self-attention's pullback.
struct AttentionPullback {
  const Tensor& grad_heads;  // [rows, heads * head_dim], contiguous
  const Tensor& q;           // [batch, heads, tokens, head_dim]
  const Tensor& k;           // [batch, kv_heads, tokens, head_dim]
  const Tensor& v;           // [batch, kv_heads, tokens, head_dim]
  const Tensor& cos;         // [tokens, rotary / 2] or undefined
  const Tensor& sin;
  const Rows& rows;  // its segments are prefixes of the text
  double scale;
};

/// The gradient of queries, keys and values before rotation: [rows, (heads + 2 * kv_heads) *
/// head_dim]. Works on tiles that stay in the cache. Undefined when there is no kernel for these
/// devices or types; the caller then uses plain tensor operations.
Tensor attention_pullback(const AttentionPullback& in);

}  // namespace inseq::nn::kernels
