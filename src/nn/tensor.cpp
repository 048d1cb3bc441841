#include "nn/tensor.h"

namespace inseq::nn {

Tensor widened(const Tensor& x) { return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat); }

bool recorded(const Tensor& x) { return at::GradMode::is_enabled() && x.requires_grad(); }

}  // namespace inseq::nn
