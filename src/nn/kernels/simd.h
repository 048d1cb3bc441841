#pragma once
#include <bit>
#include <cstdint>

#if !defined(_OPENMP) && !defined(__clang_analyzer__)
#error "at::parallel_for compiles to a serial loop without OpenMP (-fopenmp)"
#endif

// Row loops are compiled for several instruction sets; the loader picks the widest the processor
// has.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define INSEQ_SIMD_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define INSEQ_SIMD_CLONES
#endif

namespace inseq::nn::kernels {

/// bfloat16 as its bits, so that conversions vectorise.
struct Bf16 {
  uint16_t bits;
};

inline float load(const float* p) { return *p; }
inline double load(const double* p) { return *p; }
inline float load(const Bf16* p) {
  return std::bit_cast<float>(static_cast<uint32_t>(p->bits) << 16);
}

inline void store(float* p, float x) { *p = x; }
inline void store(double* p, double x) { *p = x; }
/// Rounds to nearest even; a NaN stays one.
inline void store(Bf16* p, float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  p->bits = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

}  // namespace inseq::nn::kernels
