#include "nn/kernels/norm_pullback.h"

#include <ATen/Parallel.h>

#include "nn/kernels/simd.h"

namespace inseq::nn::kernels {
namespace {

/// One row: residual += (g - [mean(g)] - n * mean(g * n)) * inv_std with g = grad * weight.
template <typename Wide, typename Narrow>
inline __attribute__((always_inline)) void row_body(const Narrow* grad, const Narrow* normed,
                                                    const Narrow* weight, Wide inv_std,
                                                    Wide* residual, int64_t hidden, bool centred) {
  Wide sum_g = 0, sum_gn = 0;
#pragma omp simd reduction(+ : sum_g, sum_gn)
  for (int64_t i = 0; i < hidden; ++i) {
    const Wide g = load(grad + i) * load(weight + i);
    sum_g += g;
    sum_gn += g * load(normed + i);
  }
  const Wide mean_g = centred ? sum_g / static_cast<Wide>(hidden) : Wide(0);
  const Wide mean_gn = sum_gn / static_cast<Wide>(hidden);
#pragma omp simd
  for (int64_t i = 0; i < hidden; ++i) {
    const Wide g = load(grad + i) * load(weight + i);
    residual[i] += (g - mean_g - load(normed + i) * mean_gn) * inv_std;
  }
}

INSEQ_SIMD_CLONES void row(const float* grad, const float* normed, const float* weight,
                           float inv_std, float* residual, int64_t hidden, bool centred) {
  row_body<float>(grad, normed, weight, inv_std, residual, hidden, centred);
}
INSEQ_SIMD_CLONES void row(const Bf16* grad, const Bf16* normed, const Bf16* weight, float inv_std,
                           float* residual, int64_t hidden, bool centred) {
  row_body<float>(grad, normed, weight, inv_std, residual, hidden, centred);
}
INSEQ_SIMD_CLONES void row(const double* grad, const double* normed, const double* weight,
                           double inv_std, double* residual, int64_t hidden, bool centred) {
  row_body<double>(grad, normed, weight, inv_std, residual, hidden, centred);
}

template <typename Wide, typename Narrow>
void all_rows(const NormPullback& in, Tensor& residual) {
  const int64_t hidden = in.grad_y.size(1);
  const auto* grad = static_cast<const Narrow*>(in.grad_y.const_data_ptr());
  const auto* normed = static_cast<const Narrow*>(in.normed.const_data_ptr());
  const auto* inv_std = static_cast<const Wide*>(in.inv_std.const_data_ptr());
  const auto* weight = static_cast<const Narrow*>(in.weight.const_data_ptr());
  const auto* index = in.index.const_data_ptr<int64_t>();
  auto* out = static_cast<Wide*>(residual.data_ptr());
  at::parallel_for(0, in.grad_y.size(0), 16, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      row(grad + r * hidden, normed + index[r] * hidden, weight, inv_std[index[r]],
          out + r * hidden, hidden, in.centred);
    }
  });
}

}  // namespace

bool add_norm_pullback(const NormPullback& in, Tensor& residual) {
  const at::ScalarType narrow = in.grad_y.scalar_type();
  const at::ScalarType wide = narrow == at::kDouble ? at::kDouble : at::kFloat;
  const bool fits = in.grad_y.is_cpu() && in.grad_y.is_contiguous() && residual.is_contiguous() &&
                    in.normed.is_contiguous() && in.inv_std.is_contiguous() &&
                    in.weight.is_contiguous() && in.index.is_cpu() && in.index.is_contiguous() &&
                    in.normed.scalar_type() == narrow && in.weight.scalar_type() == narrow &&
                    residual.scalar_type() == wide && in.inv_std.scalar_type() == wide;
  if (!fits) return false;
  if (narrow == at::kFloat) {
    all_rows<float, float>(in, residual);
  } else if (narrow == at::kBFloat16) {
    all_rows<float, Bf16>(in, residual);
  } else if (narrow == at::kDouble) {
    all_rows<double, double>(in, residual);
  } else {
    return false;
  }
  return true;
}

}  // namespace inseq::nn::kernels
