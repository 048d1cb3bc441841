#include "models/stack/language_model.h"

namespace inseq::models {

SeenTokens seen_tokens(const Tensor& mask, int64_t fresh, at::Device device) {
  const Tensor seen = mask.to(device, at::kLong);
  const Tensor padding = seen.eq(0);
  // What padding gets for a position does not matter, as nobody sees it.
  const Tensor counted = (seen.cumsum(1) - 1).clamp_min(0);
  return {counted.narrow(1, seen.size(1) - fresh, fresh),
          padding.any().item<bool>() ? padding : Tensor()};
}

}  // namespace inseq::models
