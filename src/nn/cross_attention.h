#pragma once
#include "nn/linear.h"
#include "nn/rows.h"
#include "nn/value_share.h"

namespace inseq::nn {

/// Multi-head attention from a target to a source (Vaswani et al. 2017):
///   a = softmax(scale * q kᵀ) v,  y = out(a),  q = query(x), (k, v) = key_value(source).
/// Scores and weights are computed in float32 (or wider) whatever the model's type.
class CrossAttention {
 public:
  struct Shape {
    int64_t heads = 1;
    int64_t head_dim = 1;
    double scale = 1.0;  // usually 1 / sqrt(head_dim)
  };
  /// Keys and values of a source: the same for all target tokens.
  struct Source {
    Tensor k, v;     // [batch, heads, source tokens, head_dim], float32 or wider
    Tensor padding;  // [batch, source tokens] bool, true where a key must not be seen; or undefined
  };
  /// What one forward pass leaves behind. Attention weights are not kept: they are computed again.
  struct Saved {
    Tensor q;  // [batch, heads, tokens, head_dim], float32 or wider
    Source source;
    /// Those of a reference, as in SelfAttention::Saved; undefined: pullbacks carry gradients.
    Tensor q_from = {}, k_from = {}, v_from = {};
    bool has_reference() const { return q_from.defined(); }
    Saved compared_with(const Saved& reference) const {
      return {q, source, reference.q, reference.source.k, reference.source.v};
    }
  };

  /// `key_value` maps to 2 * heads heads: keys, then values.
  CrossAttention(Linear query, Linear key_value, Linear out, Shape shape)
      : query_(std::move(query)),
        key_value_(std::move(key_value)),
        out_(std::move(out)),
        shape_(shape) {}

  /// encoded: [batch, source tokens, hidden], an encoder's output; padding as in Source.
  Source source(const Tensor& encoded, const Tensor& padding = {}) const;

  /// x: [batch, tokens, hidden] -> same. The source may have one entry for all of the batch.
  Tensor forward(const Tensor& x, const Source& source, Saved* saved = nullptr) const;

  /// grad_y: [rows, hidden] -> grad_x, same shape. Adds the gradient with respect to the encoder's
  /// output to grad_source: [segments * source tokens, hidden], float32 or wider.
  Tensor pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows,
                  Tensor& grad_source) const;
  /// The same in plain tensor operations: what runs where there is no tiled kernel, and what the
  /// kernel is held to.
  Tensor pullback_plain(const Tensor& grad_y, const Saved& saved, const Rows& rows,
                        Tensor& grad_source) const;

  /// Attention weights of the given target rows: [batch, heads, rows, source tokens].
  Tensor weights(const Saved& saved, const Tensor& rows) const;

  /// For interventions on values, of one batch entry. rows: [rows] int64; heads: int64 indices.
  ValueShare value_share(const Saved& saved, const Tensor& rows, const Tensor& heads) const {
    return {weights(saved, rows)[0], saved.source.v[0], out_, heads};
  }

  const Shape& shape() const { return shape_; }

 private:
  Linear query_, key_value_, out_;
  Shape shape_;
};

}  // namespace inseq::nn
