#include "models/stack/residual.h"

namespace inseq::models {

void ResidualGradient::spread(const nn::Rows& rows) {
  const Tensor full = at::zeros({rows.count(), wide.size(1)}, wide.options());
  wide = full.index_copy_(0, rows.last().to(full.device()), wide);
}

void Residual::pullback_to_block(ResidualGradient& grad, const nn::Norm::Saved& saved,
                                 const nn::Rows& rows) const {
  if (placement_ == NormPlacement::kBefore) return;
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
