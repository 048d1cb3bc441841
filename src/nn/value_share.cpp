#include "nn/value_share.h"

namespace inseq::nn {

ValueShare::ValueShare(const Tensor& all_weights, const Tensor& values, const Linear& out,
                       const Tensor& chosen)
    : weights(all_weights.index_select(0, chosen).permute({2, 1, 0}).contiguous()) {
  const Tensor maps = out.weight()
                          .to(values.scalar_type())
                          .unflatten(1, {values.size(0), values.size(2)})
                          .permute({1, 2, 0})
                          .index_select(0, chosen);  // [heads, head_dim, hidden]
  written = at::bmm(values.index_select(0, chosen), maps).transpose(0, 1).contiguous();
}

Tensor ValueShare::of(int64_t first, int64_t count, int64_t row, int64_t rows) const {
  return at::bmm(weights.narrow(0, first, count).narrow(1, row, rows),
                 written.narrow(0, first, count));
}

}  // namespace inseq::nn
