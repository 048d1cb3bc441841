#include "nn/kernels/split_heads.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "nn/kernels/simd.h"

namespace inseq::nn::kernels {
namespace {

/// One head of one token; half: of the units that turn.
template <typename T, typename Io>
inline __attribute__((always_inline)) void head_body(const Io* x, const T* cos, const T* sin,
                                                     int64_t half, int64_t dim, T* y) {
#pragma omp simd
  for (int64_t u = 0; u < half; ++u) {
    const T a = load(x + u), b = load(x + u + half);
    y[u] = a * cos[u] - b * sin[u];
    y[u + half] = b * cos[u] + a * sin[u];
  }
#pragma omp simd
  for (int64_t u = 2 * half; u < dim; ++u) y[u] = load(x + u);
}
INSEQ_SIMD_CLONES void head(const float* x, const float* cos, const float* sin, int64_t half,
                            int64_t dim, float* y) {
  head_body(x, cos, sin, half, dim, y);
}
INSEQ_SIMD_CLONES void head(const Bf16* x, const float* cos, const float* sin, int64_t half,
                            int64_t dim, float* y) {
  head_body(x, cos, sin, half, dim, y);
}
INSEQ_SIMD_CLONES void head(const double* x, const double* cos, const double* sin, int64_t half,
                            int64_t dim, double* y) {
  head_body(x, cos, sin, half, dim, y);
}

template <typename T, typename Io>
Tensor all_heads(const HeadSplit& in, at::ScalarType wide) {
  const int64_t batch = in.x.size(0), tokens = in.x.size(1), units = in.x.size(2);
  const int64_t dim = in.head_dim, half = in.cos.defined() ? in.cos.size(-1) : 0;
  const int64_t table_batch = half > 0 && in.cos.dim() == 3 ? tokens * half : 0;
  const Tensor cos = half > 0 ? in.cos.contiguous() : Tensor();
  const Tensor sin = half > 0 ? in.sin.contiguous() : Tensor();
  Tensor out = at::empty({batch, in.heads, tokens, dim}, in.x.options().dtype(wide));
  const Io* from = static_cast<const Io*>(in.x.const_data_ptr()) + in.first * dim;
  const T* cosines = half > 0 ? cos.const_data_ptr<T>() : nullptr;
  const T* sines = half > 0 ? sin.const_data_ptr<T>() : nullptr;
  T* to = out.data_ptr<T>();
  at::parallel_for(0, batch * tokens, 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t b = row / tokens, t = row % tokens, table = b * table_batch + t * half;
      for (int64_t h = 0; h < in.heads; ++h) {
        head(from + row * units + h * dim, cosines + table, sines + table, half, dim,
             to + ((b * in.heads + h) * tokens + t) * dim);
      }
    }
  });
  return out;
}

}  // namespace

Tensor split_heads(const HeadSplit& in) {
  const at::ScalarType type = in.x.scalar_type();
  const at::ScalarType wide = type == at::kDouble ? at::kDouble : at::kFloat;
  const bool fits =
      in.x.is_cpu() && in.x.is_contiguous() && (!in.cos.defined() || in.cos.scalar_type() == wide);
  if (!fits) return {};
  if (type == at::kFloat) return all_heads<float, float>(in, wide);
  if (type == at::kDouble) return all_heads<double, double>(in, wide);
  if (type == at::kBFloat16) return all_heads<float, Bf16>(in, wide);
  return {};
}

}  // namespace inseq::nn::kernels
