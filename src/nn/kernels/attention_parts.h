#pragma once
#include <cmath>
#include <limits>

#include "nn/kernels/simd.h"
#include "nn/tensor.h"

// What attention's kernels share.
namespace inseq::nn::kernels {

constexpr int64_t kTileRows =
    64;  // query rows a tile; with 64 keys and heads of 64 it fits the L2 cache

/// Whether tokens of [batch, heads, tokens, head_dim] follow each other without gaps.
inline bool packed_rows(const Tensor& x, at::ScalarType type) {
  return x.is_cpu() && x.scalar_type() == type && x.stride(-1) == 1 && x.stride(-2) == x.size(-1);
}

inline Tensor whole(const Tensor& x) { return x.defined() ? x.contiguous() : x; }

/// The biases of a token's query with each key, from those by distance: [heads, tokens + keys - 1].
template <typename T>
const T* bias_of(const T* by_distance, int64_t head, int64_t token, int64_t tokens, int64_t keys) {
  if (by_distance == nullptr) return nullptr;
  return by_distance + head * (tokens + keys - 1) + (tokens - 1 - token);
}

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

namespace {
INSEQ_SIMD_CLONES void softmax(float* row, int64_t seen, int64_t keys) {
  softmax_body(row, seen, keys);
}
INSEQ_SIMD_CLONES void softmax(double* row, int64_t seen, int64_t keys) {
  softmax_body(row, seen, keys);
}
}  // namespace

/// Attention weights from a row of scaled products with `keys` keys, of which the first `seen` are
/// seen. bias: what is added to each; padding: true where a key is not seen; either may be null.
template <typename T>
void weigh_row(T* row, int64_t seen, int64_t keys, const T* bias, const bool* padding) {
  for (int64_t j = 0; bias != nullptr && j < keys; ++j) row[j] += bias[j];
  // The lowest finite number rather than -inf: rows that see nothing must stay finite.
  for (int64_t j = 0; padding != nullptr && j < keys; ++j)
    row[j] = padding[j] ? std::numeric_limits<T>::lowest() : row[j];
  softmax(row, seen, keys);
}

}  // namespace inseq::nn::kernels
