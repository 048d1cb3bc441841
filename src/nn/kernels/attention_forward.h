#pragma once
#include "nn/tensor.h"
#include "nn/visibility.h"

namespace inseq::nn::kernels {

/// The inputs of attention.
struct AttentionForward {
  const Tensor& q;        // [batch, heads, tokens, head_dim]
  const Tensor& k;        // [batch or 1, kv_heads, keys, head_dim]; with kEarlier, keys beyond the
  const Tensor& v;        //   number of tokens come before them
  const Tensor& bias;     // [heads, tokens + keys - 1] by distance (see RelativeBias), or undefined
  const Tensor& padding;  // [batch or 1, keys] bool, true where a key is not seen, or undefined
  double scale;
  Visibility sees;
};

/// softmax(scale * q kᵀ + bias) v: [batch, tokens, heads * head_dim] of the given type. Works on
/// tiles that stay in the cache, and only on keys that a tile sees. Undefined when there is no
/// kernel for these devices, types or layouts; the caller then uses plain tensor operations.
Tensor attention_forward(const AttentionForward& in, at::ScalarType type);

/// softmax(scale * q kᵀ + bias) of the queries `rows` ([rows] int64 on the CPU): [batch, heads,
/// rows, keys], float32 or wider; `in.v` is not read. Undefined as above.
Tensor attention_weights(const AttentionForward& in, const Tensor& rows);

}  // namespace inseq::nn::kernels
