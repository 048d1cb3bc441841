#include "nn/kernels/attention_pullback.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "nn/kernels/blas.h"
#include "nn/kernels/simd.h"

namespace inseq::nn::kernels {
namespace {

constexpr int64_t kTileRows =
    64;  // query rows a tile; with 64 keys and heads of 64 it fits the L2 cache

/// exp for x <= 0, to within 2 units in the last place, in a form that vectorises (Cephes' expf).
inline float exp_of_negative(float x) {
  x = x < -87.0f ? -87.0f : x;
  const float n = std::floor(x * 1.44269504088896341f + 0.5f);
  const float r = x - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float y = p * r * r + r + 1.0f;
  return y * std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
}
inline double exp_of_negative(double x) { return std::exp(x); }

/// Softmax of the first `seen` scores of a row; the rest become 0.
template <typename T>
inline __attribute__((always_inline)) void softmax_body(T* row, int64_t seen, int64_t keys) {
  T top = row[0];
#pragma omp simd reduction(max : top)
  for (int64_t j = 0; j < seen; ++j) top = row[j] > top ? row[j] : top;
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < seen; ++j) {
    row[j] = exp_of_negative(row[j] - top);
    sum += row[j];
  }
  const T inverse = 1 / sum;
#pragma omp simd
  for (int64_t j = 0; j < seen; ++j) row[j] *= inverse;
  for (int64_t j = seen; j < keys; ++j) row[j] = 0;
}
INSEQ_SIMD_CLONES void softmax(float* row, int64_t seen, int64_t keys) {
  softmax_body(row, seen, keys);
}
INSEQ_SIMD_CLONES void softmax(double* row, int64_t seen, int64_t keys) {
  softmax_body(row, seen, keys);
}

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

/// Everything a tile needs, with raw pointers and strides.
template <typename T, typename Io>
struct Problem {
  const Io* grad_heads;
  const T *q, *k, *v, *cos, *sin;
  Io* out;
  int64_t heads, kv_heads, dim, half;                         // half: rotary units / 2
  int64_t q_batch, q_head, k_batch, k_head, v_batch, v_head;  // strides; tokens have stride dim
  T scale;

  int64_t out_units() const { return (heads + 2 * kv_heads) * dim; }
};

/// Per-thread working memory.
template <typename T>
struct Scratch {
  std::vector<T> grad, weights, slopes, grad_q, grad_k, grad_v;
  Scratch(int64_t tokens, int64_t dim)
      : grad(kTileRows * dim),
        weights(kTileRows * tokens),
        slopes(kTileRows * tokens),
        grad_q(kTileRows * dim),
        grad_k(tokens * dim),
        grad_v(tokens * dim) {}
};

/// Writes rows [rows, dim] into one head of the output, rotated back.
template <typename T, typename Io>
void write_head(const Problem<T, Io>& p, const T* rows, int64_t first, int64_t count, Io* out,
                bool rotated) {
  const int64_t half = rotated ? p.half : 0;
  for (int64_t i = 0; i < count; ++i) {
    const T* x = rows + i * p.dim;
    Io* y = out + i * p.out_units();
    const T* cos = p.cos + (first + i) * p.half;
    const T* sin = p.sin + (first + i) * p.half;
    for (int64_t u = 0; u < half; ++u) {
      store(y + u, x[u] * cos[u] + x[u + half] * sin[u]);
      store(y + u + half, x[u + half] * cos[u] - x[u] * sin[u]);
    }
    for (int64_t u = 2 * half; u < p.dim; ++u) store(y + u, x[u]);
  }
}

/// One tile of query rows of one head: adds to grad_k and grad_v, writes the queries' gradient.
template <typename T, typename Io>
void tile(const Problem<T, Io>& p, const Rows::Segment& segment, int64_t head, int64_t first,
          Scratch<T>& s) {
  const int64_t rows = std::min(kTileRows, segment.size - first), keys = first + rows, dim = p.dim;
  const int64_t row = segment.begin + first, b = segment.batch;
  const int64_t kv = head / (p.heads / p.kv_heads);
  const T* q = p.q + b * p.q_batch + head * p.q_head + first * dim;
  const T* k = p.k + b * p.k_batch + kv * p.k_head;
  const T* v = p.v + b * p.v_batch + kv * p.v_head;
  for (int64_t i = 0; i < rows; ++i) {
    const Io* g = p.grad_heads + ((row + i) * p.heads + head) * dim;
    for (int64_t u = 0; u < dim; ++u) s.grad[i * dim + u] = load(g + u);
  }
  gemm(Op::kPlain, Op::kTransposed, rows, keys, dim, p.scale, q, dim, k, dim, T(0),
       s.weights.data(), keys);
  for (int64_t i = 0; i < rows; ++i) softmax(s.weights.data() + i * keys, first + i + 1, keys);
  gemm(Op::kTransposed, Op::kPlain, keys, dim, rows, T(1), s.weights.data(), keys, s.grad.data(),
       dim, T(1), s.grad_v.data(), dim);
  gemm(Op::kPlain, Op::kTransposed, rows, keys, dim, T(1), s.grad.data(), dim, v, dim, T(0),
       s.slopes.data(), keys);
  for (int64_t i = 0; i < rows; ++i) {
    softmax_pullback(s.weights.data() + i * keys, s.slopes.data() + i * keys, keys, p.scale);
  }
  gemm(Op::kPlain, Op::kPlain, rows, dim, keys, T(1), s.slopes.data(), keys, k, dim, T(0),
       s.grad_q.data(), dim);
  gemm(Op::kTransposed, Op::kPlain, keys, dim, rows, T(1), s.slopes.data(), keys, q, dim, T(1),
       s.grad_k.data(), dim);
  write_head(p, s.grad_q.data(), first, rows, p.out + row * p.out_units() + head * dim, true);
}

/// All query heads that share one key head, for one segment.
template <typename T, typename Io>
void group(const Problem<T, Io>& p, const Rows::Segment& segment, int64_t kv, Scratch<T>& s) {
  std::fill_n(s.grad_k.begin(), segment.size * p.dim, T(0));
  std::fill_n(s.grad_v.begin(), segment.size * p.dim, T(0));
  const int64_t size = p.heads / p.kv_heads;
  for (int64_t first = 0; first < segment.size; first += kTileRows) {
    for (int64_t head = kv * size; head < (kv + 1) * size; ++head) tile(p, segment, head, first, s);
  }
  Io* keys_out = p.out + segment.begin * p.out_units() + (p.heads + kv) * p.dim;
  write_head(p, s.grad_k.data(), 0, segment.size, keys_out, true);
  write_head(p, s.grad_v.data(), 0, segment.size, keys_out + p.kv_heads * p.dim, false);
}

template <typename T, typename Io>
void run(const Problem<T, Io>& p, const Rows& rows) {
  int64_t longest = 0;
  for (const Rows::Segment& segment : rows.segments) longest = std::max(longest, segment.size);
  const int64_t units = static_cast<int64_t>(rows.segments.size()) * p.kv_heads;
  at::parallel_for(0, units, 1, [&](int64_t begin, int64_t end) {
    Scratch<T> scratch(longest, p.dim);
    for (int64_t unit = begin; unit < end; ++unit) {
      group(p, rows.segments[static_cast<size_t>(unit / p.kv_heads)], unit % p.kv_heads, scratch);
    }
  });
}

template <typename T, typename Io>
Tensor solve(const AttentionPullback& in) {
  const int64_t half = in.cos.defined() ? in.cos.size(-1) : 0;
  const Tensor cos = half > 0 ? in.cos.contiguous() : Tensor(),
               sin = half > 0 ? in.sin.contiguous() : Tensor();
  const int64_t units = (in.q.size(1) + 2 * in.k.size(1)) * in.q.size(3);
  Tensor out = at::empty({in.grad_heads.size(0), units}, in.grad_heads.options());
  const Problem<T, Io> problem{static_cast<const Io*>(in.grad_heads.const_data_ptr()),
                               in.q.const_data_ptr<T>(),
                               in.k.const_data_ptr<T>(),
                               in.v.const_data_ptr<T>(),
                               half > 0 ? cos.const_data_ptr<T>() : nullptr,
                               half > 0 ? sin.const_data_ptr<T>() : nullptr,
                               static_cast<Io*>(out.data_ptr()),
                               in.q.size(1),
                               in.k.size(1),
                               in.q.size(3),
                               half,
                               in.q.stride(0),
                               in.q.stride(1),
                               in.k.stride(0),
                               in.k.stride(1),
                               in.v.stride(0),
                               in.v.stride(1),
                               static_cast<T>(in.scale)};
  run(problem, in.rows);
  return out;
}

bool packed_rows(const Tensor& x, at::ScalarType type) {
  return x.is_cpu() && x.scalar_type() == type && x.stride(-1) == 1 && x.stride(-2) == x.size(-1);
}

}  // namespace

Tensor attention_pullback(const AttentionPullback& in) {
  const at::ScalarType io = in.grad_heads.scalar_type();
  const at::ScalarType type = io == at::kDouble ? at::kDouble : at::kFloat;
  const bool fits = has_blas() && in.grad_heads.is_cpu() && in.grad_heads.is_contiguous() &&
                    packed_rows(in.q, type) && packed_rows(in.k, type) && packed_rows(in.v, type) &&
                    (!in.cos.defined() || (in.cos.dim() == 2 && in.cos.scalar_type() == type));
  if (!fits) return {};
  if (io == at::kFloat) return solve<float, float>(in);
  if (io == at::kDouble) return solve<double, double>(in);
  if (io == at::kBFloat16) return solve<float, Bf16>(in);
  return {};
}

}  // namespace inseq::nn::kernels
