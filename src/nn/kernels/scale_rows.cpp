#include "nn/kernels/scale_rows.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "nn/kernels/simd.h"

namespace inseq::nn::kernels {
namespace {

template <typename T>
inline __attribute__((always_inline)) void row_body(const T* x, const T* factors, T* out,
                                                    int64_t units) {
#pragma omp simd
  for (int64_t i = 0; i < units; ++i) store(out + i, load(x + i) * load(factors + i));
}
INSEQ_SIMD_CLONES void row(const float* x, const float* factors, float* out, int64_t units) {
  row_body(x, factors, out, units);
}
INSEQ_SIMD_CLONES void row(const double* x, const double* factors, double* out, int64_t units) {
  row_body(x, factors, out, units);
}
INSEQ_SIMD_CLONES void row(const Bf16* x, const Bf16* factors, Bf16* out, int64_t units) {
  row_body(x, factors, out, units);
}

template <typename T>
Tensor all_rows(const Tensor& x, const Tensor& factors, const Tensor& index) {
  const int64_t units = x.size(1), width = factors.size(-1);
  Tensor out = at::empty({x.size(0), width}, x.options());
  const auto* in = static_cast<const T*>(x.const_data_ptr());
  const auto* table = static_cast<const T*>(factors.const_data_ptr());
  const auto* rows = index.const_data_ptr<int64_t>();
  auto* to = static_cast<T*>(out.data_ptr());
  at::parallel_for(0, x.size(0), 16, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t part = 0; part < width; part += units) {
        row(in + r * units, table + rows[r] * width + part, to + r * width + part, units);
      }
    }
  });
  return out;
}

}  // namespace

Tensor scale_rows(const Tensor& x, const Tensor& factors, const Tensor& index) {
  const bool fits = x.is_cpu() && x.is_contiguous() && factors.is_contiguous() && index.is_cpu() &&
                    index.is_contiguous() && x.scalar_type() == factors.scalar_type();
  if (!fits) return {};
  if (x.scalar_type() == at::kFloat) return all_rows<float>(x, factors, index);
  if (x.scalar_type() == at::kDouble) return all_rows<double>(x, factors, index);
  if (x.scalar_type() == at::kBFloat16) return all_rows<Bf16>(x, factors, index);
  return {};
}

}  // namespace inseq::nn::kernels
