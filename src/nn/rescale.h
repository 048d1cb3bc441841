#pragma once
#include "nn/norm.h"

namespace inseq::nn {

/// DeepLIFT's rescale rule (Shrikumar et al. 2017) beyond activations: factors that carry
/// differences to a reference back through norms and attention, so that what reaches the inputs
/// adds up to the change of the output. They have the form of gradients, so that the same pullbacks
/// serve both: a product's sides get the mean of the other side's two ends, and an exponential gets
/// its secant.

/// What a pullback through a norm uses between two passes. With c the (centred) input and r =
/// inv_std, y = c r: dy = mean(r) dc + mean(c) dr, and dr is linear in the difference of the mean
/// square, which is linear in dc.
Norm::Saved between(const Norm::Saved& here, const Norm::Saved& reference);

/// Attention weights as a pullback uses them: those that values are mixed with, and the factors
/// between scores and weights.
struct MixingShares {
  Tensor of_values, of_scores;  // [..., keys]

  /// Of a gradient: both are the weights.
  explicit MixingShares(const Tensor& weights) : of_values(weights), of_scores(weights) {}
  /// Between two passes. The logarithmic mean m of both ends carries differences of scores (up to
  /// a constant c) exactly: dp = m (ds - c), where c keeps the sum of the weights at 1.
  MixingShares(const Tensor& here, const Tensor& reference);

  /// grad_weights: [..., keys] -> that of the scores.
  Tensor pullback(const Tensor& grad_weights) const;

 private:
  bool sums_to_one_ = true;
};

/// (a - b) / (log a - log b), a where they are equal, 0 where one is; a, b >= 0.
Tensor logarithmic_mean(const Tensor& a, const Tensor& b);

}  // namespace inseq::nn
