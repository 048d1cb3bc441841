#pragma once
#include <memory>

#include "nn/norm.h"

namespace inseq::models {

/// The gradient of the residual stream on its way down, in two precisions.
struct ResidualGradient {
  Tensor wide;          // [rows, hidden], float32 or wider: additions happen here
  at::ScalarType type;  // of the model
  /// In the model's own type, for matrix products; the same tensor when the types agree.
  Tensor narrow() const { return wide.to(type); }
  /// From one row for each segment of `rows` to all rows; the others are zero.
  void spread(const nn::Rows& rows);
};

/// Where the norm of a residual block f stands.
enum class NormPlacement {
  kBefore,  ///< y = x + f(norm(x))
  kAfter,   ///< y = norm(x + f(x))
};

/// A block's residual connection and norm. The block itself is given to each call: whatever maps
/// hidden states to hidden states, and its pullback.
class Residual {
 public:
  Residual(std::unique_ptr<nn::Norm> norm, NormPlacement placement)
      : norm_(std::move(norm)), placement_(placement) {}

  /// x: [batch, tokens, hidden] -> same. `saved` may be null.
  template <typename Block>
  Tensor forward(const Tensor& x, nn::Norm::Saved* saved, const Block& block) const {
    if (placement_ == NormPlacement::kBefore) return x + block(norm_->forward(x, saved));
    return norm_->forward(x + block(x), saved);
  }

  /// The same for a block that is not run: `written` is what it would have made of x.
  Tensor join(const Tensor& x, const Tensor& written, nn::Norm::Saved* saved) const {
    if (placement_ == NormPlacement::kBefore) return x + written;
    return norm_->forward(x + written, saved);
  }

  /// Carries `grad` from y to x, in place. `pullback` maps the gradient of f(x) to that of x.
  template <typename Pullback>
  void pullback(ResidualGradient& grad, const nn::Norm::Saved& saved, const nn::Rows& rows,
                const Pullback& pullback) const {
    pullback_to_block(grad, saved, rows);
    add(pullback(grad.narrow()), grad, saved, rows);
  }

  /// The same where the gradient of y is only known, and non-zero, in the last row of each segment
  /// of `rows` (the tokens of `own`), and that of x is wanted in all rows.
  template <typename Pullback>
  void pullback_of_last(ResidualGradient& grad, const nn::Norm::Saved& saved, const nn::Rows& own,
                        const nn::Rows& rows, const Pullback& pullback) const {
    pullback_to_block(grad, saved, own);
    const Tensor inner = pullback(grad.narrow());
    grad.spread(rows);
    add(inner, grad, saved, rows);
  }

  /// Carries `grad` from y to what the block writes, in place.
  void pullback_to_block(ResidualGradient& grad, const nn::Norm::Saved& saved,
                         const nn::Rows& rows) const;

 private:
  void add(const Tensor& inner, ResidualGradient& grad, const nn::Norm::Saved& saved,
           const nn::Rows& rows) const;
  std::unique_ptr<nn::Norm> norm_;
  NormPlacement placement_;
};

}  // namespace inseq::models
