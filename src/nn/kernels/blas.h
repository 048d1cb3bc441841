#pragma once
#include <cstdint>

namespace inseq::nn::kernels {

/// Whether this build can call BLAS directly. LibTorch's CPU library exports the one it was built
/// with.
bool has_blas();

enum class Op { kPlain, kTransposed };

/// C = alpha * op(A) op(B) + beta * C for row-major matrices: op(A) is [m, k], op(B) is [k, n], C
/// is [m, n]; lda, ldb and ldc are the lengths of the rows as stored. For tiles: the call runs on
/// the calling thread when made inside at::parallel_for.
void gemm(Op a_op, Op b_op, int64_t m, int64_t n, int64_t k, float alpha, const float* a,
          int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc);
void gemm(Op a_op, Op b_op, int64_t m, int64_t n, int64_t k, double alpha, const double* a,
          int64_t lda, const double* b, int64_t ldb, double beta, double* c, int64_t ldc);

}  // namespace inseq::nn::kernels
