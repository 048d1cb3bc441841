#include "nn/rescale.h"

namespace inseq::nn {

Norm::Saved between(const Norm::Saved& here, const Norm::Saved& reference) {
  const Tensor r = here.inv_std, r0 = reference.inv_std;
  const Tensor centre = (widened(here.normed) / r + widened(reference.normed) / r0) / 2;
  const Tensor mean = (r + r0) / 2;
  // The gradient's form is (g - n * mean(g n)) r; here n is the centre times the harmonic mean.
  return {(centre * (r * r0 / mean)).to(here.normed.scalar_type()), mean};
}

Tensor logarithmic_mean(const Tensor& a, const Tensor& b) {
  // Near each other by log1p, so that the rounding of a - b cancels.
  const Tensor change = a - b, share = change / b;
  const Tensor log = at::where(share.abs().lt(0.5), at::log1p(share), at::log(a) - at::log(b));
  return at::where(a.eq(b), a, change / log);
}

MixingShares::MixingShares(const Tensor& here, const Tensor& reference)
    : of_values((here + reference) / 2),
      of_scores(logarithmic_mean(here, reference)),
      sums_to_one_(false) {}

Tensor MixingShares::pullback(const Tensor& grad_weights) const {
  const Tensor shared = grad_weights * of_scores;
  const Tensor sum = shared.sum(-1, true);
  if (sums_to_one_) return shared - sum * of_scores;
  // Ends that share no key have no shares to give.
  const Tensor whole = of_scores.sum(-1, true).clamp_min(std::numeric_limits<float>::min());
  return shared - sum / whole * of_scores;
}

}  // namespace inseq::nn
