#pragma once
#include "nn/rows.h"
#include "nn/visibility.h"

namespace inseq::nn::kernels {

/// The inputs of attention's pullback.
struct AttentionPullback {
  const Tensor& grad_heads;  // [rows, heads * head_dim], contiguous
  const Tensor& q;           // [batch, heads, tokens, head_dim]
  const Tensor& k;           // [batch, kv_heads, keys, head_dim]; with kEarlier, keys beyond the
  const Tensor& v;           //   number of tokens come before them and get no gradients
  const Tensor& cos;         // [tokens, rotary / 2] or undefined
  const Tensor& sin;
  const Tensor& bias;  // [heads, tokens + keys - 1] by distance (see RelativeBias), or undefined
  const Rows& rows;    // of the queries; with kEarlier its segments are prefixes of the tokens
  double scale;
  Visibility sees;
};

/// Where the gradients go, before rotation: of queries [rows, heads * head_dim]; of keys and values
/// [rows of keys, kv_heads * head_dim], which are those of `rows` with kEarlier, and all keys for
/// each segment with kAll. Units lie side by side, rows may have a stride.
struct AttentionGradients {
  Tensor q, k, v;
};

/// Fills `out`. Works on tiles that stay in the cache; attention weights that steps share are
/// computed once where they are few (docs/adr/0005-attention-weights-are-not-kept.md). Returns
/// false, having done nothing, when there is no kernel for these devices or types; the caller then
/// uses plain tensor operations.
bool attention_pullback(const AttentionPullback& in, const AttentionGradients& out);

}  // namespace inseq::nn::kernels
