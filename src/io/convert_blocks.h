#pragma once
#include <cstddef>
#include <cstdint>

// Dequantisers of GGUF's block formats: `count` blocks from `in` to `out`. Products and sums are
// rounded in the same order as in the gguf package for Python, so results are equal to the bit.
namespace inseq::io {

using Dequantize = void (*)(const std::byte* in, float* out, int64_t count);

void dequantize_q4_0(const std::byte* in, float* out, int64_t count);
void dequantize_q4_1(const std::byte* in, float* out, int64_t count);
void dequantize_q5_0(const std::byte* in, float* out, int64_t count);
void dequantize_q5_1(const std::byte* in, float* out, int64_t count);
void dequantize_q8_0(const std::byte* in, float* out, int64_t count);
void dequantize_q2_k(const std::byte* in, float* out, int64_t count);
void dequantize_q3_k(const std::byte* in, float* out, int64_t count);
void dequantize_q4_k(const std::byte* in, float* out, int64_t count);
void dequantize_q5_k(const std::byte* in, float* out, int64_t count);
void dequantize_q6_k(const std::byte* in, float* out, int64_t count);

}  // namespace inseq::io
