#pragma once
#include "nn/linear.h"
#include "nn/relative_bias.h"
#include "nn/rotary.h"
#include "nn/rows.h"
#include "nn/value_share.h"
#include "nn/visibility.h"

namespace inseq::nn {

/// Keys and values of earlier tokens, kept between the calls of one generation.
struct KeyValueCache {
  Tensor keys, values;  // [batch, kv_heads, capacity, head_dim]
  int64_t length = 0;   // tokens stored

  /// Stores new entries ([batch, kv_heads, tokens, head_dim]) and returns views of all.
  std::pair<Tensor, Tensor> append(const Tensor& new_keys, const Tensor& new_values);
  /// Entry i becomes what entry rows[i] was. rows: [new batch] int64.
  void reorder(const Tensor& rows);
};

/// How tokens see each other in one forward pass.
struct AttentionContext {
  RotaryTable rotary;  // undefined: no rotary positions
  Tensor padding;      // [batch, keys] bool, true where a key must not be seen; undefined: none
};

/// Multi-head self-attention (Vaswani et al. 2017) with grouped keys and values (Ainslie et al.
/// 2023):
///   a = softmax(scale * q kᵀ + bias) v,  y = out(a),  (q, k, v) = qkv(x), q and k rotated where
///   there are rotary positions, and a bias by distance where there is one.
/// Scores and weights are computed in float32 (or wider) whatever the model's type.
class SelfAttention {
 public:
  struct Shape {
    int64_t heads = 1;
    int64_t kv_heads = 1;  // divides heads
    int64_t head_dim = 1;
    double scale = 1.0;  // usually 1 / sqrt(head_dim)
    Visibility sees = Visibility::kEarlier;
  };
  /// What one forward pass leaves behind. Attention weights are not kept: they are computed again.
  struct Saved {
    Tensor q;            // [batch, heads, tokens, head_dim], rotated, float32 or wider
    Tensor k, v;         // [batch, kv_heads, past + tokens, head_dim], k rotated
    RotaryTable rotary;  // [tokens, rotary / 2]
    Tensor bias;         // [heads, past + 2 * tokens - 1], by distance, or undefined
    /// Queries, keys and values of a reference: pullbacks then share out differences to it, as
    /// nn/rescale.h says; undefined: they carry gradients.
    Tensor q_from = {}, k_from = {}, v_from = {};
    bool has_reference() const { return q_from.defined(); }
    Saved reference() const { return {q_from, k_from, v_from, rotary, bias}; }
    /// The same with `reference`, a pass over tokens of the same shape, as reference.
    Saved compared_with(const Saved& reference) const;
    /// Tokens before those of the pass, which it found in a cache: pullbacks end at them.
    int64_t past() const { return k.size(2) - q.size(2); }
    /// The keys and values of the first tokens of the only batch entry, for `batch` continuations.
    KeyValueCache prefix(int64_t tokens, int64_t batch) const;
  };

  /// `qkv` maps to heads + 2 * kv_heads heads: queries, keys, values, in this order.
  /// `bias` may be null; layers may share one.
  SelfAttention(Linear qkv, Linear out, Shape shape,
                std::shared_ptr<const RelativeBias> bias = nullptr);

  /// x: [batch, tokens, hidden] -> same. With a cache, x continues the tokens stored there.
  Tensor forward(const Tensor& x, const AttentionContext& context, Saved* saved = nullptr,
                 KeyValueCache* cache = nullptr) const;

  /// grad_y: [rows, hidden] -> grad_x, same shape. The segments of `rows` are prefixes of the
  /// tokens of the pass, or all of them where queries see all keys.
  Tensor pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows) const;

  /// The same in plain tensor operations: what runs where there is no tiled kernel, and what the
  /// kernel is held to.
  Tensor pullback_plain(const Tensor& grad_y, const Saved& saved, const Rows& rows) const;

  /// For gradients of causal attention that are non-zero only in the last row of each segment.
  /// grad_y: [segments, hidden] -> grad_x: [rows, hidden].
  Tensor pullback_of_last(const Tensor& grad_y, const Saved& saved, const Rows& rows) const;

  /// For interventions on values, of one batch entry. rows: [rows] int64; value_heads: int64
  /// indices of what query heads may share.
  ValueShare value_share(const Saved& saved, const Tensor& rows, const Tensor& value_heads) const;
  int64_t value_heads() const { return shape_.kv_heads; }

  /// Attention weights of the given query rows: [batch, heads, rows, tokens]. rows: [rows] int64.
  Tensor weights(const Saved& saved, const Tensor& rows) const;

 private:
  Tensor heads_plain(const Saved& saved, const Tensor& padding) const;
  Tensor rows_of_qkv_plain(const Tensor& grad_heads, const Saved& saved, const Rows& rows) const;
  Tensor grad_qkv_plain(const Tensor& grad_heads, const Saved& saved) const;
  Saved first_tokens(const Saved& saved, int64_t tokens) const;
  Tensor hidden_keys(const Tensor& positions, int64_t keys, const Tensor& padding) const;
  Linear qkv_, out_;
  Shape shape_;
  std::shared_ptr<const RelativeBias> bias_;
};

}  // namespace inseq::nn
