#include "nn/kernels/attention_forward.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <type_traits>
#include <vector>

#include "nn/kernels/attention_parts.h"
#include "nn/kernels/blas.h"

namespace inseq::nn::kernels {
namespace {

constexpr int64_t kWorthAThread = 100'000;  // multiplications

/// Everything a tile needs, with raw pointers and strides; tokens have stride dim.
template <typename T, typename Io>
struct Problem {
  const T *q, *k, *v, *bias;
  const bool* padding;
  Io* out;
  int64_t heads, group, dim, tokens, keys;  // group: query heads that share a key head
  int64_t q_batch, q_head, k_batch, k_head, v_batch, v_head, padding_batch;  // strides
  T scale;
  Visibility sees;

  /// Keys that the query of a token sees.
  int64_t seen(int64_t token) const {
    return sees == Visibility::kAll ? keys : keys - tokens + token + 1;
  }
};

/// Attention weights of one query from its scaled products with its first `keys` keys.
template <typename T, typename Io>
void weigh(const Problem<T, Io>& p, int64_t batch, int64_t head, int64_t token, T* row,
           int64_t keys) {
  weigh_row(row, p.seen(token), keys, bias_of(p.bias, head, token, p.tokens, p.keys),
            p.padding == nullptr ? nullptr : p.padding + batch * p.padding_batch);
}

/// One head of query rows from `first` on.
template <typename T, typename Io>
void tile(const Problem<T, Io>& p, int64_t batch, int64_t head, int64_t first,
          std::vector<T>& scores, std::vector<T>& mixed) {
  const int64_t rows = std::min(kTileRows, p.tokens - first), keys = p.seen(first + rows - 1);
  const T* q = p.q + batch * p.q_batch + head * p.q_head + first * p.dim;
  const T* k = p.k + batch * p.k_batch + head / p.group * p.k_head;
  const T* v = p.v + batch * p.v_batch + head / p.group * p.v_head;
  gemm(Op::kPlain, Op::kTransposed, rows, keys, p.dim, p.scale, q, p.dim, k, p.dim, T(0),
       scores.data(), keys);
  for (int64_t i = 0; i < rows; ++i)
    weigh(p, batch, head, first + i, scores.data() + i * keys, keys);
  const int64_t width = p.heads * p.dim;
  Io* out = p.out + (batch * p.tokens + first) * width + head * p.dim;
  if constexpr (std::is_same_v<T, Io>) {
    gemm(Op::kPlain, Op::kPlain, rows, p.dim, keys, T(1), scores.data(), keys, v, p.dim, T(0), out,
         width);
  } else {
    gemm(Op::kPlain, Op::kPlain, rows, p.dim, keys, T(1), scores.data(), keys, v, p.dim, T(0),
         mixed.data(), p.dim);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t u = 0; u < p.dim; ++u) store(out + i * width + u, mixed[i * p.dim + u]);
    }
  }
}

/// Calls `visit(batch, head, index, scratch)` for `count` pieces of each head, on all threads;
/// `work`: multiplications of a piece.
template <typename T, typename Io, typename Scratch, typename Visit>
void for_heads(const Problem<T, Io>& p, int64_t batch, int64_t count, int64_t work,
               const Scratch& scratch, const Visit& visit) {
  const int64_t grain = std::max<int64_t>(1, kWorthAThread / std::max<int64_t>(1, work));
  at::parallel_for(0, batch * p.heads * count, grain, [&](int64_t begin, int64_t end) {
    auto memory = scratch();
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t of_head = unit / count;
      visit(of_head / p.heads, of_head % p.heads, unit % count, memory);
    }
  });
}

template <typename T, typename Io>
Problem<T, Io> problem(const AttentionForward& in, const Tensor& bias, const Tensor& padding,
                       Tensor& out) {
  const auto batch_stride = [](const Tensor& x) { return x.size(0) == 1 ? 0 : x.stride(0); };
  return {.q = in.q.const_data_ptr<T>(),
          .k = in.k.const_data_ptr<T>(),
          .v = in.v.const_data_ptr<T>(),
          .bias = bias.defined() ? bias.const_data_ptr<T>() : nullptr,
          .padding = padding.defined() ? padding.const_data_ptr<bool>() : nullptr,
          .out = static_cast<Io*>(out.data_ptr()),
          .heads = in.q.size(1),
          .group = in.q.size(1) / in.k.size(1),
          .dim = in.q.size(3),
          .tokens = in.q.size(2),
          .keys = in.k.size(2),
          .q_batch = in.q.stride(0),
          .q_head = in.q.stride(1),
          .k_batch = batch_stride(in.k),
          .k_head = in.k.stride(1),
          .v_batch = batch_stride(in.v),
          .v_head = in.v.stride(1),
          .padding_batch = padding.defined() ? batch_stride(padding) : 0,
          .scale = static_cast<T>(in.scale),
          .sees = in.sees};
}

template <typename T, typename Io>
Tensor mix(const AttentionForward& in, at::ScalarType type) {
  const int64_t batch = in.q.size(0);
  Tensor out =
      at::empty({batch, in.q.size(2), in.q.size(1) * in.q.size(3)}, in.q.options().dtype(type));
  const Tensor bias = whole(in.bias), padding = whole(in.padding);
  const auto p = problem<T, Io>(in, bias, padding, out);
  struct Scratch {
    std::vector<T> scores, mixed;
  };
  for_heads(
      p, batch, (p.tokens + kTileRows - 1) / kTileRows,
      2 * std::min(kTileRows, p.tokens) * p.keys * p.dim,
      [&] {
        return Scratch{std::vector<T>(kTileRows * p.keys), std::vector<T>(kTileRows * p.dim)};
      },
      [&](int64_t b, int64_t head, int64_t index, Scratch& s) {
        tile(p, b, head, index * kTileRows, s.scores, s.mixed);
      });
  return out;
}

template <typename T>
Tensor weights(const AttentionForward& in, const Tensor& rows) {
  const int64_t batch = in.q.size(0), count = rows.size(0);
  Tensor out = at::empty({batch, in.q.size(1), count, in.k.size(2)}, in.q.options());
  const Tensor bias = whole(in.bias), padding = whole(in.padding), tokens = rows.contiguous();
  const auto p = problem<T, T>(in, bias, padding, out);
  const int64_t* token = tokens.const_data_ptr<int64_t>();
  for_heads(
      p, batch, 1, count * p.keys * p.dim, [&] { return std::vector<T>(count * p.dim); },
      [&](int64_t b, int64_t head, int64_t, std::vector<T>& queries) {
        const T* q = p.q + b * p.q_batch + head * p.q_head;
        for (int64_t i = 0; i < count; ++i)
          std::copy_n(q + token[i] * p.dim, p.dim, queries.data() + i * p.dim);
        T* scores = p.out + (b * p.heads + head) * count * p.keys;
        gemm(Op::kPlain, Op::kTransposed, count, p.keys, p.dim, p.scale, queries.data(), p.dim,
             p.k + b * p.k_batch + head / p.group * p.k_head, p.dim, T(0), scores, p.keys);
        for (int64_t i = 0; i < count; ++i)
          weigh(p, b, head, token[i], scores + i * p.keys, p.keys);
      });
  return out;
}

bool fits(const AttentionForward& in, at::ScalarType wide) {
  return has_blas() && packed_rows(in.q, wide) && packed_rows(in.k, wide) &&
         packed_rows(in.v, wide) && (!in.bias.defined() || in.bias.scalar_type() == wide);
}

}  // namespace

Tensor attention_forward(const AttentionForward& in, at::ScalarType type) {
  if (!fits(in, type == at::kDouble ? at::kDouble : at::kFloat)) return {};
  if (type == at::kFloat) return mix<float, float>(in, type);
  if (type == at::kDouble) return mix<double, double>(in, type);
  if (type == at::kBFloat16) return mix<float, Bf16>(in, type);
  return {};
}

Tensor attention_weights(const AttentionForward& in, const Tensor& rows) {
  const at::ScalarType type = in.q.scalar_type();
  if (!rows.is_cpu() || !fits(in, type)) return {};
  if (type == at::kFloat) return weights<float>(in, rows);
  if (type == at::kDouble) return weights<double>(in, rows);
  return {};
}

}  // namespace inseq::nn::kernels
