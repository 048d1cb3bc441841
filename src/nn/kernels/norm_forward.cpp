#include "nn/kernels/norm_forward.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <cmath>

#include "nn/kernels/simd.h"

namespace inseq::nn::kernels {
namespace {

/// `x` as it is once stored as Narrow.
template <typename Narrow, typename Wide>
inline __attribute__((always_inline)) Wide rounded(Wide x) {
  Narrow stored;
  store(&stored, x);
  return load(&stored);
}

/// One row; returns inv_std. normed may be null, bias too.
template <typename Wide, typename Narrow>
inline __attribute__((always_inline)) Wide row_body(const Narrow* x, const Narrow* weight,
                                                    const Narrow* bias, Wide eps, bool centred,
                                                    int64_t hidden, Narrow* y, Narrow* normed) {
  Wide sum = 0, squares = 0;
  if (centred) {
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < hidden; ++i) sum += load(x + i);
  }
  const Wide mean = sum / static_cast<Wide>(hidden);
#pragma omp simd reduction(+ : squares)
  for (int64_t i = 0; i < hidden; ++i) {
    const Wide c = load(x + i) - mean;
    squares += c * c;
  }
  const Wide inv_std = 1 / std::sqrt(squares / static_cast<Wide>(hidden) + eps);
  if (normed != nullptr) {
#pragma omp simd
    for (int64_t i = 0; i < hidden; ++i) store(normed + i, (load(x + i) - mean) * inv_std);
  }
#pragma omp simd
  for (int64_t i = 0; i < hidden; ++i) {
    const Wide scaled = rounded<Narrow>((load(x + i) - mean) * inv_std) * load(weight + i);
    store(y + i, bias == nullptr ? scaled : rounded<Narrow>(scaled) + load(bias + i));
  }
  return inv_std;
}

INSEQ_SIMD_CLONES float row(const float* x, const float* weight, const float* bias, float eps,
                            bool centred, int64_t hidden, float* y, float* normed) {
  return row_body<float>(x, weight, bias, eps, centred, hidden, y, normed);
}
INSEQ_SIMD_CLONES float row(const Bf16* x, const Bf16* weight, const Bf16* bias, float eps,
                            bool centred, int64_t hidden, Bf16* y, Bf16* normed) {
  return row_body<float>(x, weight, bias, eps, centred, hidden, y, normed);
}
INSEQ_SIMD_CLONES double row(const double* x, const double* weight, const double* bias, double eps,
                             bool centred, int64_t hidden, double* y, double* normed) {
  return row_body<double>(x, weight, bias, eps, centred, hidden, y, normed);
}

template <typename Wide, typename Narrow>
NormResult all_rows(const NormForward& in, bool keep, at::ScalarType wide) {
  const int64_t hidden = in.x.size(-1), rows = in.x.numel() / hidden;
  NormResult out{at::empty_like(in.x), Tensor(), Tensor()};
  if (keep) {
    std::vector<int64_t> shape = in.x.sizes().vec();
    shape.back() = 1;
    out.normed = at::empty_like(in.x);
    out.inv_std = at::empty(shape, in.x.options().dtype(wide));
  }
  const auto* x = static_cast<const Narrow*>(in.x.const_data_ptr());
  const auto* weight = static_cast<const Narrow*>(in.weight.const_data_ptr());
  const auto* bias =
      in.bias.defined() ? static_cast<const Narrow*>(in.bias.const_data_ptr()) : nullptr;
  auto* y = static_cast<Narrow*>(out.y.data_ptr());
  auto* normed = keep ? static_cast<Narrow*>(out.normed.data_ptr()) : nullptr;
  auto* inv_std = keep ? static_cast<Wide*>(out.inv_std.data_ptr()) : nullptr;
  at::parallel_for(0, rows, 16, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const Wide factor = row(x + r * hidden, weight, bias, static_cast<Wide>(in.eps), in.centred,
                              hidden, y + r * hidden, keep ? normed + r * hidden : nullptr);
      if (keep) inv_std[r] = factor;
    }
  });
  return out;
}

}  // namespace

NormResult norm_forward(const NormForward& in, bool keep) {
  const at::ScalarType type = in.x.scalar_type();
  const auto suits = [&](const Tensor& x) {
    return x.is_cpu() && x.is_contiguous() && x.scalar_type() == type;
  };
  if (!suits(in.x) || !suits(in.weight) || (in.bias.defined() && !suits(in.bias))) return {};
  if (type == at::kFloat) return all_rows<float, float>(in, keep, at::kFloat);
  if (type == at::kDouble) return all_rows<double, double>(in, keep, at::kDouble);
  if (type == at::kBFloat16) return all_rows<float, Bf16>(in, keep, at::kFloat);
  return {};
}

}  // namespace inseq::nn::kernels
