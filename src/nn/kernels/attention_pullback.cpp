#include "nn/kernels/attention_pullback.h"

#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <vector>

#include "nn/kernels/attention_forward.h"
#include "nn/kernels/attention_parts.h"
#include "nn/kernels/blas.h"

namespace inseq::nn::kernels {
namespace {

/// Attention weights that all steps of a block share may take this much; larger ones are computed
/// again for each tile.
constexpr int64_t kSharedWeights = 16 << 20;  // bytes

/// Softmax's pullback of one row, scaled: d = p * (d - sum(p * d)) * scale.
template <typename T>
inline __attribute__((always_inline)) void softmax_pullback_body(const T* p, T* d, int64_t keys,
                                                                 T scale) {
  T dot = 0;
#pragma omp simd reduction(+ : dot)
  for (int64_t j = 0; j < keys; ++j) dot += p[j] * d[j];
#pragma omp simd
  for (int64_t j = 0; j < keys; ++j) d[j] = p[j] * (d[j] - dot) * scale;
}
INSEQ_SIMD_CLONES void softmax_pullback(const float* p, float* d, int64_t keys, float scale) {
  softmax_pullback_body(p, d, keys, scale);
}
INSEQ_SIMD_CLONES void softmax_pullback(const double* p, double* d, int64_t keys, double scale) {
  softmax_pullback_body(p, d, keys, scale);
}

/// One row of a head to `y`, its first 2 * half units rotated back.
template <typename T, typename Io>
inline __attribute__((always_inline)) void write_row_body(const T* x, const T* cos, const T* sin,
                                                          int64_t half, int64_t dim, Io* y) {
#pragma omp simd
  for (int64_t u = 0; u < half; ++u) {
    store(y + u, x[u] * cos[u] + x[u + half] * sin[u]);
    store(y + u + half, x[u + half] * cos[u] - x[u] * sin[u]);
  }
#pragma omp simd
  for (int64_t u = 2 * half; u < dim; ++u) store(y + u, x[u]);
}
INSEQ_SIMD_CLONES void write_row(const float* x, const float* cos, const float* sin, int64_t half,
                                 int64_t dim, float* y) {
  write_row_body(x, cos, sin, half, dim, y);
}
INSEQ_SIMD_CLONES void write_row(const float* x, const float* cos, const float* sin, int64_t half,
                                 int64_t dim, Bf16* y) {
  write_row_body(x, cos, sin, half, dim, y);
}
INSEQ_SIMD_CLONES void write_row(const double* x, const double* cos, const double* sin,
                                 int64_t half, int64_t dim, double* y) {
  write_row_body(x, cos, sin, half, dim, y);
}

/// A matrix of gradients to fill, rows of `units` apart.
template <typename Io>
struct Destination {
  Io* data;
  int64_t units;
  Io* row(int64_t index, int64_t head, int64_t dim) const {
    return data + index * units + head * dim;
  }
};

/// Everything a tile needs, with raw pointers and strides.
template <typename T, typename Io>
struct Problem {
  const Io* grad_heads;
  const T *q, *k, *v, *cos, *sin, *bias;
  const T* weights;  // [batch, heads, weighed, keys], or null: every tile computes its own
  int64_t weighed;   // tokens
  Destination<Io> grad_q, grad_k, grad_v;
  int64_t heads, kv_heads, dim, half;                         // half: rotary units / 2
  int64_t q_batch, q_head, k_batch, k_head, v_batch, v_head;  // strides; tokens have stride dim
  int64_t tokens, keys;                                       // in q, in k
  T scale;
  Visibility sees;

  /// Keys before the tokens of q: seen, but without gradients of their own.
  int64_t past() const { return sees == Visibility::kAll ? 0 : keys - tokens; }
  /// Keys whose gradients a segment has.
  int64_t keys_of(const Rows::Segment& segment) const {
    return sees == Visibility::kAll ? keys : segment.size;
  }
};

/// Per-thread working memory.
template <typename T>
struct Scratch {
  std::vector<T> grad, weights, slopes, grad_q, grad_k, grad_v;
  /// keys: seen by a row; own: with gradients.
  Scratch(int64_t keys, int64_t own, int64_t dim)
      : grad(kTileRows * dim),
        weights(kTileRows * keys),
        slopes(kTileRows * keys),
        grad_q(kTileRows * dim),
        grad_k(own * dim),
        grad_v(own * dim) {}
};

/// Writes `count` rows of one head to `out`, whose rows lie `units` apart, rotated back as the
/// tokens from `first` on.
template <typename T, typename Io>
void write_head(const Problem<T, Io>& p, const T* rows, int64_t first, int64_t count, Io* out,
                int64_t units, bool rotated) {
  const int64_t half = rotated ? p.half : 0;
  for (int64_t i = 0; i < count; ++i) {
    write_row(rows + i * p.dim, p.cos + (first + i) * p.half, p.sin + (first + i) * p.half, half,
              p.dim, out + i * units);
  }
}

/// Rows of attention weights, `stride` apart.
template <typename T>
struct Weights {
  const T* data;
  int64_t stride;
  const T* row(int64_t index) const { return data + index * stride; }
};

/// Those of the queries `first` to `first + rows` of a head, of which `keys` keys are wanted.
template <typename T, typename Io>
Weights<T> weights_of(const Problem<T, Io>& p, int64_t batch, int64_t head, int64_t first,
                      int64_t rows, int64_t keys, Scratch<T>& s) {
  if (p.weights != nullptr)
    return {p.weights + ((batch * p.heads + head) * p.weighed + first) * p.keys, p.keys};
  const T* q = p.q + batch * p.q_batch + head * p.q_head + first * p.dim;
  const T* k = p.k + batch * p.k_batch + head / (p.heads / p.kv_heads) * p.k_head;
  gemm(Op::kPlain, Op::kTransposed, rows, keys, p.dim, p.scale, q, p.dim, k, p.dim, T(0),
       s.weights.data(), keys);
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t seen = p.sees == Visibility::kAll ? keys : p.past() + first + i + 1;
    weigh_row(s.weights.data() + i * keys, seen, keys,
              bias_of(p.bias, head, first + i, p.tokens, p.keys), /*padding=*/nullptr);
  }
  return {s.weights.data(), keys};
}

/// One tile of query rows of one head: adds to grad_k and grad_v, writes the queries' gradient.
template <typename T, typename Io>
void tile(const Problem<T, Io>& p, const Rows::Segment& segment, int64_t head, int64_t first,
          Scratch<T>& s) {
  const int64_t rows = std::min(kTileRows, segment.size - first), dim = p.dim;
  const int64_t past = p.past(), own = p.sees == Visibility::kAll ? p.keys : first + rows;
  const int64_t keys = past + own;
  const int64_t row = segment.begin + first, token = segment.first + first, b = segment.batch;
  const int64_t kv = head / (p.heads / p.kv_heads);
  const T* q = p.q + b * p.q_batch + head * p.q_head + token * dim;
  const T* k = p.k + b * p.k_batch + kv * p.k_head;
  const T* v = p.v + b * p.v_batch + kv * p.v_head;
  for (int64_t i = 0; i < rows; ++i) {
    const Io* g = p.grad_heads + ((row + i) * p.heads + head) * dim;
    for (int64_t u = 0; u < dim; ++u) s.grad[i * dim + u] = load(g + u);
  }
  const Weights<T> weights = weights_of(p, b, head, token, rows, keys, s);
  gemm(Op::kTransposed, Op::kPlain, own, dim, rows, T(1), weights.data + past, weights.stride,
       s.grad.data(), dim, T(1), s.grad_v.data(), dim);
  gemm(Op::kPlain, Op::kTransposed, rows, keys, dim, T(1), s.grad.data(), dim, v, dim, T(0),
       s.slopes.data(), keys);
  for (int64_t i = 0; i < rows; ++i) {
    softmax_pullback(weights.row(i), s.slopes.data() + i * keys, keys, p.scale);
  }
  gemm(Op::kPlain, Op::kPlain, rows, dim, keys, T(1), s.slopes.data(), keys, k, dim, T(0),
       s.grad_q.data(), dim);
  gemm(Op::kTransposed, Op::kPlain, own, dim, rows, T(1), s.slopes.data() + past, keys, q, dim,
       T(1), s.grad_k.data(), dim);
  write_head(p, s.grad_q.data(), token, rows, p.grad_q.row(row, head, dim), p.grad_q.units, true);
}

/// All query heads that share one key head, for one segment.
template <typename T, typename Io>
void group(const Problem<T, Io>& p, const Rows& rows, int64_t index, int64_t kv, Scratch<T>& s) {
  const Rows::Segment& segment = rows.segments[static_cast<size_t>(index)];
  const int64_t keys = p.keys_of(segment);
  std::fill_n(s.grad_k.begin(), keys * p.dim, T(0));
  std::fill_n(s.grad_v.begin(), keys * p.dim, T(0));
  const int64_t size = p.heads / p.kv_heads;
  for (int64_t first = 0; first < segment.size; first += kTileRows) {
    for (int64_t head = kv * size; head < (kv + 1) * size; ++head) tile(p, segment, head, first, s);
  }
  const int64_t row = p.sees == Visibility::kAll ? index * keys : segment.begin;
  write_head(p, s.grad_k.data(), 0, keys, p.grad_k.row(row, kv, p.dim), p.grad_k.units, true);
  write_head(p, s.grad_v.data(), 0, keys, p.grad_v.row(row, kv, p.dim), p.grad_v.units, false);
}

template <typename T, typename Io>
void run(const Problem<T, Io>& p, const Rows& rows) {
  int64_t most = 0;
  for (const Rows::Segment& segment : rows.segments) most = std::max(most, p.keys_of(segment));
  // Segments of later steps are longer: each thread takes the longest unit that is left.
  const auto count = static_cast<int64_t>(rows.segments.size());
  std::vector<int64_t> order(rows.segments.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return rows.segments[static_cast<size_t>(a)].size > rows.segments[static_cast<size_t>(b)].size;
  });
  std::atomic<int64_t> next{0};
  const int64_t units = count * p.kv_heads;
  at::parallel_for(0, std::min<int64_t>(units, at::get_num_threads()), 1, [&](int64_t, int64_t) {
    Scratch<T> scratch(p.past() + most, most, p.dim);
    for (int64_t unit = next++; unit < units; unit = next++) {
      group(p, rows, order[static_cast<size_t>(unit / p.kv_heads)], unit % p.kv_heads, scratch);
    }
  });
}

template <typename Io>
Destination<Io> destination(const Tensor& x) {
  return {static_cast<Io*>(x.data_ptr()), x.stride(0)};
}

/// Attention weights of all tokens that segments reach, where these are fewer than their rows and
/// the weights are not too many: [batch, heads, tokens, keys]; else undefined.
Tensor shared_weights(const AttentionPullback& in) {
  int64_t tokens = 0;
  for (const Rows::Segment& segment : in.rows.segments)
    tokens = std::max(tokens, segment.first + segment.size);
  const int64_t rows = in.q.size(0) * tokens;
  const int64_t bytes =
      rows * in.q.size(1) * in.k.size(2) * static_cast<int64_t>(in.q.element_size());
  if (rows >= in.rows.count() || bytes > kSharedWeights) return {};
  return attention_weights({in.q, in.k, in.v, in.bias, Tensor(), in.scale, in.sees},
                           at::arange(tokens, at::kLong));
}

template <typename T, typename Io>
bool solve(const AttentionPullback& in, const AttentionGradients& out) {
  const auto data = [](const Tensor& x) { return x.defined() ? x.const_data_ptr<T>() : nullptr; };
  const Tensor cos = whole(in.cos), sin = whole(in.sin), bias = whole(in.bias);
  const Tensor weights = shared_weights(in);
  run(Problem<T, Io>{.grad_heads = static_cast<const Io*>(in.grad_heads.const_data_ptr()),
                     .q = data(in.q),
                     .k = data(in.k),
                     .v = data(in.v),
                     .cos = data(cos),
                     .sin = data(sin),
                     .bias = data(bias),
                     .weights = data(weights),
                     .weighed = weights.defined() ? weights.size(2) : 0,
                     .grad_q = destination<Io>(out.q),
                     .grad_k = destination<Io>(out.k),
                     .grad_v = destination<Io>(out.v),
                     .heads = in.q.size(1),
                     .kv_heads = in.k.size(1),
                     .dim = in.q.size(3),
                     .half = cos.defined() ? cos.size(-1) : 0,
                     .q_batch = in.q.stride(0),
                     .q_head = in.q.stride(1),
                     .k_batch = in.k.stride(0),
                     .k_head = in.k.stride(1),
                     .v_batch = in.v.stride(0),
                     .v_head = in.v.stride(1),
                     .tokens = in.q.size(2),
                     .keys = in.k.size(2),
                     .scale = static_cast<T>(in.scale),
                     .sees = in.sees},
      in.rows);
  return true;
}

}  // namespace

bool attention_pullback(const AttentionPullback& in, const AttentionGradients& out) {
  const at::ScalarType io = in.grad_heads.scalar_type();
  const at::ScalarType type = io == at::kDouble ? at::kDouble : at::kFloat;
  const bool fits = has_blas() && in.grad_heads.is_cpu() && in.grad_heads.is_contiguous() &&
                    packed_rows(in.q, type) && packed_rows(in.k, type) && packed_rows(in.v, type) &&
                    (!in.cos.defined() || (in.cos.dim() == 2 && in.cos.scalar_type() == type)) &&
                    (!in.bias.defined() || in.bias.scalar_type() == type);
  if (!fits) return false;
  if (io == at::kFloat) return solve<float, float>(in, out);
  if (io == at::kDouble) return solve<double, double>(in, out);
  if (io == at::kBFloat16) return solve<float, Bf16>(in, out);
  return false;
}

}  // namespace inseq::nn::kernels
