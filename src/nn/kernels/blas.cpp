#include "nn/kernels/blas.h"

#include <stdexcept>

#if defined(INSEQ_HAS_BLAS)
extern "C" {
void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*,
            const float*, const int*, const float*, const int*, const float*, float*, const int*);
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*,
            const double*, const int*, const double*, const int*, const double*, double*,
            const int*);
}
#endif

namespace inseq::nn::kernels {

bool has_blas() {
#if defined(INSEQ_HAS_BLAS)
  return true;
#else
  return false;
#endif
}

namespace {

/// BLAS counts columns first: a row-major product is the column-major product of the transposes, in
/// reverse order.
template <typename T, typename Function>
void row_major(Function blas, Op a_op, Op b_op, int64_t m, int64_t n, int64_t k, T alpha,
               const T* a, int64_t lda, const T* b, int64_t ldb, T beta, T* c, int64_t ldc) {
  const char ta = a_op == Op::kPlain ? 'N' : 'T', tb = b_op == Op::kPlain ? 'N' : 'T';
  const int im = static_cast<int>(m), in = static_cast<int>(n), ik = static_cast<int>(k);
  const int ia = static_cast<int>(lda), ib = static_cast<int>(ldb), ic = static_cast<int>(ldc);
  blas(&tb, &ta, &in, &im, &ik, &alpha, b, &ib, a, &ia, &beta, c, &ic);
}

#if !defined(INSEQ_HAS_BLAS)
template <typename T>
void missing(const char*, const char*, const int*, const int*, const int*, const T*, const T*,
             const int*, const T*, const int*, const T*, T*, const int*) {
  throw std::logic_error("gemm called in a build without BLAS");
}
constexpr auto sgemm_ = missing<float>;
constexpr auto dgemm_ = missing<double>;
#endif

}  // namespace

void gemm(Op a_op, Op b_op, int64_t m, int64_t n, int64_t k, float alpha, const float* a,
          int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  row_major(sgemm_, a_op, b_op, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void gemm(Op a_op, Op b_op, int64_t m, int64_t n, int64_t k, double alpha, const double* a,
          int64_t lda, const double* b, int64_t ldb, double beta, double* c, int64_t ldc) {
  row_major(dgemm_, a_op, b_op, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

}  // namespace inseq::nn::kernels
