#pragma once
#include "nn/feed_forward.h"

namespace inseq::nn {

/// A mixture of experts with top-2 routing (Lepikhin et al. 2021; NLLB team 2022): each token goes
/// through the two plain feed-forward blocks that its router scores highest,
///   y = scale * (g E1(x) + (1 - g) E2(x)),  g = sigmoid(r1 - r2),
/// with r1 and r2 the scores of the two. Which experts are chosen has no gradient; g has.
class Mixture : public FeedForward {
 public:
  struct Expert {
    Linear up, down;
  };
  /// router: hidden -> experts. scale: of the output.
  Mixture(Linear router, std::vector<Expert> experts, Activation activation, double scale);

  /// Throws Unsupported when `reference` has something to compare with: the two ends of a
  /// difference may go through different experts.
  Tensor forward(const Tensor& x, Saved* saved = nullptr,
                 const Reference& reference = {}) const override;
  Tensor pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows) const override;
  Tensor inner(const Tensor& x) const override;
  int64_t inner_units() const override { return 4 * experts_.front().up.out_features(); }

 private:
  Linear router_;
  std::vector<Expert> experts_;
  Activation activation_;
  double scale_;
};

}  // namespace inseq::nn
