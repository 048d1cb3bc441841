#include "nn/attention.h"

#include "nn/heads.h"
#include "nn/kernels/attention_forward.h"
#include "nn/kernels/attention_pullback.h"
#include "nn/rescale.h"

namespace inseq::nn {
namespace {

constexpr int64_t kScoreLimit =
    1 << 24;  // scores held at once by a forward pass: 64 MiB of float32

/// Repeats each key head for the query heads that share it: [batch, kv_heads, ...] -> [batch,
/// heads, ...].
Tensor repeat_heads(const Tensor& x, int64_t heads) {
  return x.size(1) == heads ? x : x.repeat_interleave(heads / x.size(1), 1);
}

/// The mean of both ends where there is a reference.
Tensor mean_of(const Tensor& here, const Tensor& reference) {
  return reference.defined() ? (here + reference) / 2 : here;
}

/// True where a query at position `rows` ([rows]) must not see a key: [rows, keys].
Tensor later_keys(const Tensor& rows, int64_t keys) {
  return at::arange(keys, rows.options()).unsqueeze(0) > rows.unsqueeze(1);
}

/// Softmax over the keys that are not hidden (undefined: none are).
Tensor masked_softmax(const Tensor& scores, const Tensor& hidden_keys) {
  if (!hidden_keys.defined()) return scores.softmax(-1);
  // The lowest finite number rather than -inf: rows of padding see nothing and must stay finite.
  return scores.masked_fill(hidden_keys, std::numeric_limits<float>::lowest()).softmax(-1);
}

}  // namespace

std::pair<Tensor, Tensor> KeyValueCache::append(const Tensor& new_keys, const Tensor& new_values) {
  const int64_t needed = length + new_keys.size(2);
  if (!keys.defined() || keys.size(2) < needed) {
    std::vector<int64_t> shape = new_keys.sizes().vec();
    shape[2] = std::max<int64_t>(needed + 64, 2 * length);
    const Tensor grown_keys = at::empty(shape, new_keys.options());
    const Tensor grown_values = at::empty(shape, new_values.options());
    if (length > 0) {
      grown_keys.narrow(2, 0, length).copy_(keys.narrow(2, 0, length));
      grown_values.narrow(2, 0, length).copy_(values.narrow(2, 0, length));
    }
    keys = grown_keys;
    values = grown_values;
  }
  keys.narrow(2, length, new_keys.size(2)).copy_(new_keys);
  values.narrow(2, length, new_keys.size(2)).copy_(new_values);
  length = needed;
  return {keys.narrow(2, 0, length), values.narrow(2, 0, length)};
}

void KeyValueCache::reorder(const Tensor& rows) {
  if (!keys.defined()) return;
  const Tensor index = rows.to(keys.device());
  keys = keys.index_select(0, index);  // unused capacity included: appending need not copy again
  values = values.index_select(0, index);
}

KeyValueCache SelfAttention::Saved::prefix(int64_t tokens, int64_t batch) const {
  const auto part = [&](const Tensor& x) {
    return x.narrow(2, 0, tokens).expand({batch, -1, -1, -1});
  };
  return {part(k), part(v), tokens};
}

SelfAttention::Saved SelfAttention::Saved::compared_with(const Saved& reference) const {
  Saved out = *this;
  std::tie(out.q_from, out.k_from, out.v_from) = std::tie(reference.q, reference.k, reference.v);
  return out;
}

SelfAttention::SelfAttention(Linear qkv, Linear out, Shape shape,
                             std::shared_ptr<const RelativeBias> bias)
    : qkv_(std::move(qkv)), out_(std::move(out)), shape_(shape), bias_(std::move(bias)) {}

/// Keys that queries at `positions` ([rows]) must not see, to stand against scores [batch,
/// kv_heads, group, rows, keys]; undefined when they see all. padding: [batch, keys] or undefined.
Tensor SelfAttention::hidden_keys(const Tensor& positions, int64_t keys,
                                  const Tensor& padding) const {
  Tensor hidden;
  if (shape_.sees == Visibility::kEarlier) hidden = later_keys(positions, keys);
  if (!padding.defined()) return hidden;
  const Tensor padded = padding.view({-1, 1, 1, 1, keys});
  return hidden.defined() ? hidden.logical_or(padded) : padded;
}

Tensor SelfAttention::forward(const Tensor& x, const AttentionContext& context, Saved* saved,
                              KeyValueCache* cache) const {
  const Tensor qkv = qkv_.forward(x);  // [batch, tokens, (heads + 2 * kv_heads) * head_dim]
  const int64_t h = shape_.heads, kv = shape_.kv_heads, dim = shape_.head_dim, tokens = x.size(1);
  const Tensor q = split_heads(qkv, 0, h, dim, context.rotary);
  Tensor k = split_heads(qkv, h, kv, dim, context.rotary), v = split_heads(qkv, h + kv, kv, dim);
  const int64_t past = cache == nullptr ? 0 : cache->length;
  const Tensor bias = bias_ ? bias_->of_distances(1 - past - tokens, tokens - 1) : Tensor();
  if (cache != nullptr) std::tie(k, v) = cache->append(k, v);
  const Saved all{q, k, v, context.rotary, bias};
  if (saved != nullptr) *saved = all;
  Tensor heads;  // [batch, tokens, heads * head_dim]
  if (!recorded(x)) {
    heads = kernels::attention_forward({q, k, v, bias, context.padding, shape_.scale, shape_.sees},
                                       x.scalar_type());
  }
  return out_.forward(heads.defined() ? heads
                                      : heads_plain(all, context.padding).to(x.scalar_type()));
}

/// What the kernel computes, by way of all scores of some rows: [batch, tokens, heads * head_dim].
Tensor SelfAttention::heads_plain(const Saved& saved, const Tensor& padding) const {
  const int64_t h = shape_.heads, kv = shape_.kv_heads, group = h / kv;
  const int64_t batch = saved.q.size(0), tokens = saved.q.size(2), keys = saved.k.size(2);
  const Tensor of_keys = saved.k.transpose(-1, -2);
  // Query heads that share a key head are folded into the rows of one product.
  const int64_t rows_at_once = std::max<int64_t>(1, kScoreLimit / (batch * h * keys));
  std::vector<Tensor> attended;  // [batch, heads, rows, head_dim] each
  for (int64_t first = 0; first < tokens; first += rows_at_once) {
    const int64_t rows = std::min(rows_at_once, tokens - first);
    const Tensor queries = saved.q.narrow(2, first, rows).reshape({batch, kv, group * rows, -1});
    Tensor scores =
        (at::matmul(queries, of_keys) * shape_.scale).view({batch, kv, group, rows, keys});
    if (saved.bias.defined()) {
      const Tensor of_rows = saved.bias.narrow(1, tokens - first - rows, rows + keys - 1);
      scores = scores + RelativeBias::spread(of_rows, keys).view({kv, group, rows, keys});
    }
    const Tensor positions =
        at::arange(first, first + rows, saved.q.options().dtype(at::kLong)) + saved.past();
    const Tensor weights = masked_softmax(scores, hidden_keys(positions, keys, padding));
    attended.push_back(at::matmul(weights.view({batch, kv, group * rows, keys}), saved.v)
                           .view({batch, h, rows, -1}));
  }
  const Tensor heads = attended.size() == 1 ? attended[0] : at::cat(attended, 2);
  return heads.transpose(1, 2).flatten(-2);
}

Tensor SelfAttention::weights(const Saved& saved, const Tensor& rows) const {
  Tensor fast = kernels::attention_weights(
      {saved.q, saved.k, saved.v, saved.bias, Tensor(), shape_.scale, shape_.sees}, rows);
  if (fast.defined()) return fast;
  const int64_t keys = saved.k.size(2);
  const Tensor queries = saved.q.index_select(2, rows);  // [batch, heads, rows, head_dim]
  const Tensor positions = rows + saved.past();
  Tensor scores =
      at::matmul(queries, repeat_heads(saved.k, shape_.heads).transpose(-1, -2)) * shape_.scale;
  if (saved.bias.defined()) {
    scores = scores + RelativeBias::spread(saved.bias, keys).index_select(1, rows);
  }
  return masked_softmax(scores, hidden_keys(positions, keys, {}));
}

ValueShare SelfAttention::value_share(const Saved& saved, const Tensor& rows,
                                      const Tensor& value_heads) const {
  const int64_t group = shape_.heads / shape_.kv_heads;
  const Tensor heads =
      (value_heads.unsqueeze(1) * group + at::arange(group, value_heads.options()).unsqueeze(0))
          .flatten();
  return {weights(saved, rows)[0], repeat_heads(saved.v, shape_.heads)[0], out_, heads};
}

Tensor SelfAttention::pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows) const {
  if (saved.has_reference()) return pullback_plain(grad_y, saved, rows);
  const Tensor grad_heads = out_.pullback(grad_y);  // [rows, heads * head_dim]
  const int64_t of_queries = shape_.heads * shape_.head_dim,
                of_keys = shape_.kv_heads * shape_.head_dim;
  Tensor grad_qkv = at::empty({rows.count(), of_queries + 2 * of_keys}, grad_heads.options());
  const bool done = kernels::attention_pullback(
      {grad_heads, saved.q, saved.k, saved.v, saved.rotary.cos, saved.rotary.sin, saved.bias, rows,
       shape_.scale, shape_.sees},
      {grad_qkv.narrow(1, 0, of_queries), grad_qkv.narrow(1, of_queries, of_keys),
       grad_qkv.narrow(1, of_queries + of_keys, of_keys)});
  return qkv_.pullback(done ? grad_qkv : rows_of_qkv_plain(grad_heads, saved, rows));
}

Tensor SelfAttention::pullback_plain(const Tensor& grad_y, const Saved& saved,
                                     const Rows& rows) const {
  return qkv_.pullback(rows_of_qkv_plain(out_.pullback(grad_y), saved, rows));
}

/// What the kernel computes, by way of a rectangle: [rows, heads * head_dim] -> [rows, units of
/// qkv].
Tensor SelfAttention::rows_of_qkv_plain(const Tensor& grad_heads, const Saved& saved,
                                        const Rows& rows) const {
  const Tensor padded = rows.padded(grad_heads);  // [steps * batch, tokens, heads * head_dim]
  const Tensor grad_qkv = grad_qkv_plain(padded.unflatten(0, {-1, saved.q.size(0)}),
                                         first_tokens(saved, padded.size(1)));
  return rows.packed(grad_qkv.flatten(0, 1));
}

SelfAttention::Saved SelfAttention::first_tokens(const Saved& saved, int64_t tokens) const {
  const int64_t keys = saved.past() + tokens;
  const auto first = [](const Tensor& x, int64_t count) {
    return x.defined() ? x.narrow(2, 0, count) : x;
  };
  return {first(saved.q, tokens),
          first(saved.k, keys),
          first(saved.v, keys),
          saved.rotary.defined() ? saved.rotary.first(tokens) : saved.rotary,
          saved.bias.defined() ? saved.bias.narrow(1, saved.q.size(2) - tokens, tokens + keys - 1)
                               : saved.bias,
          first(saved.q_from, tokens),
          first(saved.k_from, keys),
          first(saved.v_from, keys)};
}

/// The gradients of queries, keys and values before rotation, in plain tensor operations: [steps,
/// batch, tokens, ...] to the same with (heads + 2 * kv_heads) * head_dim units. With p the
/// attention weights and g the gradient of p v:
///   grad_v = pᵀ g,  d = p * (g vᵀ - rowsum(p * g vᵀ)) * scale,  grad_q = d k,  grad_k = dᵀ q.
/// With a reference, q, k and v are means of both ends and p has two, as MixingShares says. Steps
/// are folded into the free dimension of every product with a saved tensor.
Tensor SelfAttention::grad_qkv_plain(const Tensor& grad_heads, const Saved& saved) const {
  const int64_t h = shape_.heads, kv = shape_.kv_heads, dim = shape_.head_dim;
  const int64_t steps = grad_heads.size(0), batch = grad_heads.size(1), n = grad_heads.size(2);
  const int64_t past = saved.past(), keys = past + n;
  const Tensor k = repeat_heads(mean_of(saved.k, saved.k_from), h);
  const Tensor v = repeat_heads(mean_of(saved.v, saved.v_from), h);
  const Tensor q = mean_of(saved.q, saved.q_from);
  const Tensor all = at::arange(n, grad_heads.options().dtype(at::kLong));
  const Tensor here = weights(saved, all).unsqueeze(2);  // [batch, heads, 1, n, keys]
  const MixingShares p = saved.has_reference()
                             ? MixingShares(here, weights(saved.reference(), all).unsqueeze(2))
                             : MixingShares(here);
  const Tensor g = widened(grad_heads).view({steps, batch, n, h, dim}).permute({1, 3, 0, 2, 4});
  const Tensor g_rows = g.reshape({batch, h, steps * n, dim});
  const Tensor grad_p = at::matmul(g_rows, v.transpose(-1, -2)).view({batch, h, steps, n, keys});
  const Tensor d = p.pullback(grad_p) * shape_.scale;
  const Tensor grad_q =
      at::matmul(d.view({batch, h, steps * n, keys}), k).view({batch, h, steps, n, dim});
  const auto own = [&](const Tensor& x) { return x.narrow(-1, past, n).transpose(-1, -2); };
  const Tensor grad_k =
      at::matmul(own(d).reshape({batch, h, steps * n, n}), q).view({batch, h, steps, n, dim});
  const Tensor g_columns = g.transpose(2, 3).reshape({batch, h, n, steps * dim});
  const Tensor grad_v = at::matmul(own(p.of_values.squeeze(2)), g_columns)
                            .view({batch, h, n, steps, dim})
                            .transpose(2, 3);
  const auto back = [&](Tensor x, int64_t heads,
                        bool rotated) {  // -> [steps, batch, n, heads * dim]
    if (heads != h) x = x.unflatten(1, {heads, h / heads}).sum(2);
    x = x.permute({2, 0, 1, 3, 4});
    if (rotated && saved.rotary.defined()) x = rotate_back(x, saved.rotary);
    return x.transpose(2, 3).flatten(-2);
  };
  return at::cat({back(grad_q, h, true), back(grad_k, kv, true), back(grad_v, kv, false)}, -1)
      .to(grad_heads.scalar_type());
}

Tensor SelfAttention::pullback_of_last(const Tensor& grad_y, const Saved& whole,
                                       const Rows& rows) const {
  if (whole.has_reference()) {
    const Tensor all = at::zeros({rows.count(), grad_y.size(1)}, grad_y.options());
    return pullback_plain(all.index_copy_(0, rows.last().to(all.device()), grad_y), whole, rows);
  }
  const int64_t h = shape_.heads, kv = shape_.kv_heads, group = h / kv, dim = shape_.head_dim;
  const int64_t batch = whole.q.size(0), steps = grad_y.size(0) / batch;
  std::vector<int64_t> own_positions;
  int64_t tokens = 0;
  for (const Rows::Segment& segment : rows.segments) {
    if (segment.batch == 0) own_positions.push_back(segment.size - 1);
    tokens = std::max(tokens, segment.size);
  }
  const Saved saved = first_tokens(whole, tokens);
  const Tensor positions = at::tensor(own_positions, at::kLong).to(grad_y.device());
  const Tensor g =
      widened(out_.pullback(grad_y)).view({steps, batch, h, dim}).permute({1, 2, 0, 3});
  const Tensor q = saved.q.index_select(2, positions);  // [batch, heads, steps, dim], as g
  const Tensor p = weights(saved, positions);           // [batch, heads, steps, keys]
  Tensor d = at::matmul(g, repeat_heads(saved.v, h).transpose(-1, -2)) * p;
  d = (d - d.sum(-1, true) * p) * shape_.scale;             // [batch, heads, steps, keys]
  Tensor grad_q = at::matmul(d, repeat_heads(saved.k, h));  // [batch, heads, steps, dim]
  // Each step has one query row, so keys and values get outer products, summed over the heads that
  // share them.
  const auto outer = [&](const Tensor& left, const Tensor& right) {
    const Tensor a = left.unflatten(1, {kv, group})
                         .permute({3, 0, 1, 4, 2});  // [steps, batch, kv, tokens, group]
    const Tensor b =
        right.unflatten(1, {kv, group}).permute({3, 0, 1, 2, 4});  // [steps, batch, kv, group, dim]
    return at::matmul(a, b);  // [steps, batch, kv, tokens, dim]
  };
  const auto own_keys = [&](const Tensor& x) { return x.narrow(-1, saved.past(), tokens); };
  Tensor grad_k = outer(own_keys(d), q);
  const Tensor grad_v = outer(own_keys(p), g);
  if (saved.rotary.defined()) {
    const RotaryTable at_own{saved.rotary.cos.index_select(0, positions),
                             saved.rotary.sin.index_select(0, positions)};
    grad_q = rotate_back(grad_q, at_own);
    grad_k = rotate_back(grad_k, saved.rotary);
  }
  const auto narrow = [&](const Tensor& x) { return x.to(grad_y.scalar_type()); };
  const auto side_by_side = [](const Tensor& x) {
    return x.transpose(2, 3).flatten(-2).flatten(0, 1);
  };
  const Tensor grad_kv = rows.packed(at::cat({side_by_side(grad_k), side_by_side(grad_v)}, -1));
  const Tensor grad_x =
      qkv_.pullback_part(narrow(grad_kv), h * dim, 2 * kv * dim);  // [rows, hidden]
  const Tensor of_queries = qkv_.pullback_part(
      narrow(grad_q.permute({2, 0, 1, 3}).reshape({steps * batch, h * dim})), 0, h * dim);
  return grad_x.index_add(0, rows.last().to(grad_y.device()), of_queries);
}

}  // namespace inseq::nn
