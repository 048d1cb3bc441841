#include "nn/tensor.h"

namespace inseq::nn {

Tensor widened(const Tensor& x) { return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat); }

}  // namespace inseq::nn
