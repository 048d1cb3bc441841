#include "models/stack/residual.h"

namespace inseq::models {

void Residual::through_norm(ResidualGradient& grad, const nn::Norm::Saved& saved,
                            const nn::Rows& rows) const {
  Tensor below = at::zeros_like(grad.wide);
  norm_->add_pullback(grad.narrow().contiguous(), saved, rows, below);
  grad.wide = below;
}

void Residual::add(const Tensor& inner, ResidualGradient& grad, const nn::Norm::Saved& saved,
                   const nn::Rows& rows) const {
  if (placement_ == NormPlacement::kBefore) {
    norm_->add_pullback(inner, saved, rows, grad.wide);
  } else {
    grad.wide.add_(inner);
  }
}

}  // namespace inseq::models
