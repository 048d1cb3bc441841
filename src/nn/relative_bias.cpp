#include "nn/relative_bias.h"

#include <cmath>

namespace inseq::nn {

Tensor RelativeBias::of_distances(int64_t lowest, int64_t highest) const {
  int64_t buckets = table_.size(0);
  Tensor distance = at::arange(lowest, highest + 1, at::kLong);
  Tensor first = at::zeros_like(distance);  // of the buckets for this direction
  if (options_.both_directions) {
    buckets /= 2;
    first = distance.gt(0) * buckets;
    distance = distance.abs();
  } else {
    distance = distance.clamp_max(0).neg();
  }
  // Half of the buckets hold one distance each; the others share the rest up to max_distance. In
  // float32, as transformers rounds them.
  const int64_t exact = buckets / 2;
  const double reach =
      std::log(static_cast<double>(options_.max_distance) / static_cast<double>(exact));
  const Tensor far =
      (at::log(distance.to(at::kFloat).clamp_min(1) / exact) / reach * (buckets - exact))
          .to(at::kLong)
          .add(exact)
          .clamp_max(buckets - 1);
  const Tensor bucket = first + at::where(distance.lt(exact), distance, far);
  return widened(at::embedding(table_, bucket.to(table_.device()))).t().contiguous();
}

Tensor RelativeBias::spread(const Tensor& of_distances, int64_t keys) {
  return of_distances.unfold(1, keys, 1).flip(1);
}

}  // namespace inseq::nn
