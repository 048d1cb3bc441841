#pragma once
#include <ATen/core/Tensor.h>

namespace inseq {
using Tensor = at::Tensor;
}
