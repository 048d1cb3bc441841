#include "nn/cross_attention.h"

#include "nn/heads.h"
#include "nn/kernels/attention_forward.h"
#include "nn/kernels/attention_pullback.h"
#include "nn/rescale.h"

namespace inseq::nn {

CrossAttention::Source CrossAttention::source(const Tensor& encoded, const Tensor& padding) const {
  const Tensor key_value = key_value_.forward(encoded);
  const int64_t h = shape_.heads, dim = shape_.head_dim;
  return {split_heads(key_value, 0, h, dim), split_heads(key_value, h, h, dim), padding};
}

Tensor CrossAttention::forward(const Tensor& x, const Source& source, Saved* saved) const {
  const Tensor q = split_heads(query_.forward(x), 0, shape_.heads, shape_.head_dim);
  if (saved != nullptr) *saved = {q, source};
  if (!recorded(x) && !recorded(source.k)) {
    const Tensor fast = kernels::attention_forward(
        {q, source.k, source.v, Tensor(), source.padding, shape_.scale, Visibility::kAll},
        x.scalar_type());
    if (fast.defined()) return out_.forward(fast);
  }
  Tensor scores = at::matmul(q, source.k.transpose(-1, -2)) * shape_.scale;
  if (source.padding.defined()) {
    // The lowest finite number rather than -inf: a source of padding alone must stay finite.
    scores = scores.masked_fill(source.padding.unsqueeze(1).unsqueeze(1),
                                std::numeric_limits<float>::lowest());
  }
  const Tensor heads = at::matmul(scores.softmax(-1), source.v);
  return out_.forward(heads.transpose(1, 2).flatten(-2).to(x.scalar_type()));
}

Tensor CrossAttention::weights(const Saved& saved, const Tensor& rows) const {
  Tensor fast = kernels::attention_weights(
      {saved.q, saved.source.k, saved.source.v, Tensor(), Tensor(), shape_.scale, Visibility::kAll},
      rows);
  if (fast.defined()) return fast;
  const Tensor queries = saved.q.index_select(2, rows);
  return (at::matmul(queries, saved.source.k.transpose(-1, -2)) * shape_.scale).softmax(-1);
}

Tensor CrossAttention::pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows,
                                Tensor& grad_source) const {
  if (saved.has_reference()) return pullback_plain(grad_y, saved, rows, grad_source);
  const Tensor grad_heads = out_.pullback(grad_y);  // [rows, heads * head_dim]
  const int64_t units = grad_heads.size(1), keys = saved.source.k.size(2);
  const Tensor grad_q = at::empty_like(grad_heads);
  const Tensor grad_kv = at::empty({static_cast<int64_t>(rows.segments.size()) * keys, 2 * units},
                                   grad_heads.options());
  const bool done = kernels::attention_pullback(
      {grad_heads,
       saved.q,
       saved.source.k,
       saved.source.v,
       {},
       {},
       {},
       rows,
       shape_.scale,
       Visibility::kAll},
      {grad_q, grad_kv.narrow(1, 0, units), grad_kv.narrow(1, units, units)});
  if (!done) return pullback_plain(grad_y, saved, rows, grad_source);
  key_value_.add_pullback(grad_kv, grad_source);
  return query_.pullback(grad_q);
}

/// With p the attention weights and g the gradient of p v:
///   grad_v = pᵀ g,  d = p * (g vᵀ - rowsum(p * g vᵀ)) * scale,  grad_q = d k,  grad_k = dᵀ q.
/// With a reference, q, k and v are means of both ends and p has two, as MixingShares says.
Tensor CrossAttention::pullback_plain(const Tensor& grad_y, const Saved& saved, const Rows& rows,
                                      Tensor& grad_source) const {
  const auto by_segment =
      [&](const Tensor& x) {  // [rows, units] -> [segments, heads, longest, dim]
        return split_heads(rows.padded(x), 0, shape_.heads, shape_.head_dim);
      };
  const auto side_by_side = [&](const Tensor& x) { return x.transpose(1, 2).flatten(-2); };
  std::vector<int64_t> entries;
  entries.reserve(rows.segments.size());
  for (const Rows::Segment& segment : rows.segments) entries.push_back(segment.batch);
  const Tensor entry = at::tensor(entries, at::kLong).to(grad_y.device());
  const auto of_entries = [&](const Tensor& x) { return x.index_select(0, entry); };
  // Rows of padding have no gradient, so that what they attend to does not matter.
  const auto of_rows = [&](const Tensor& x) { return by_segment(rows.of(side_by_side(x))); };
  Tensor q = of_rows(saved.q), k = of_entries(saved.source.k), v = of_entries(saved.source.v);
  const auto mixing = [&] {  // [segments, heads, longest, source tokens]
    return (at::matmul(q, k.transpose(-1, -2)) * shape_.scale).softmax(-1);
  };
  MixingShares p(mixing());
  if (saved.has_reference()) {
    const Tensor here = p.of_values, q_here = q, k_here = k;
    q = of_rows(saved.q_from), k = of_entries(saved.k_from);
    p = MixingShares(here, mixing());
    q = (q_here + q) / 2, k = (k_here + k) / 2, v = (v + of_entries(saved.v_from)) / 2;
  }
  const Tensor g = by_segment(out_.pullback(grad_y));
  const Tensor d = p.pullback(at::matmul(g, v.transpose(-1, -2))) * shape_.scale;
  const Tensor grad_k = at::matmul(d.transpose(-1, -2), q);
  const Tensor grad_v = at::matmul(p.of_values.transpose(-1, -2), g);
  const Tensor grad_kv = at::cat({side_by_side(grad_k), side_by_side(grad_v)}, -1);
  key_value_.add_pullback(grad_kv.flatten(0, 1).to(grad_y.scalar_type()), grad_source);
  return query_.pullback(rows.packed(side_by_side(at::matmul(d, k))).to(grad_y.scalar_type()));
}

}  // namespace inseq::nn
