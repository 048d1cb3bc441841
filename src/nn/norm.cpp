#include "nn/norm.h"

#include <cmath>

#include "inseq/error.h"
#include "nn/kernels/norm_forward.h"
#include "nn/kernels/norm_pullback.h"

namespace inseq::nn {
namespace {

/// By the kernel; undefined where there is none.
Tensor fast_forward(const kernels::NormForward& in, Norm::Saved* saved) {
  if (recorded(in.x)) return {};
  kernels::NormResult result = kernels::norm_forward(in, /*keep=*/saved != nullptr);
  if (result.y.defined() && saved != nullptr) *saved = {result.normed, result.inv_std};
  return result.y;
}

double checked_epsilon(double eps) {
  INSEQ_CHECK(eps >= 0 && std::isfinite(eps), FormatError, "the epsilon of a norm is ", eps,
              ", needed is a number of at least 0; see the configuration of the model");
  return eps;
}

}  // namespace

LayerNorm::LayerNorm(Tensor weight, Tensor bias, double eps)
    : weight_(std::move(weight)), bias_(std::move(bias)), eps_(checked_epsilon(eps)) {}

Tensor LayerNorm::forward(const Tensor& x, Saved* saved) const {
  Tensor fast = fast_forward({x, weight_, bias_, eps_, /*centred=*/true}, saved);
  if (fast.defined()) return fast;
  const Tensor wide = widened(x);
  const Tensor centred = wide - wide.mean(-1, true);
  const Tensor inv_std = (centred.square().mean(-1, true) + eps_).rsqrt();
  const Tensor normed = (centred * inv_std).to(x.scalar_type());
  if (saved != nullptr) *saved = {normed, inv_std};
  const Tensor y = normed * weight_;
  return bias_.defined() ? y + bias_ : y;
}

Tensor LayerNorm::pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows) const {
  // With g = grad_y * weight and n = normed, both averaged over hidden:
  //   grad_x = (g - mean(g) - n * mean(g * n)) * inv_std
  const Tensor n = rows.of(saved.normed);         // [rows, hidden]
  const Tensor g = widened(grad_y) * weight_;     // [rows, hidden]
  const Tensor mean_g = g.mean(-1, true);         // [rows, 1]
  const Tensor mean_gn = (g * n).mean(-1, true);  // [rows, 1]
  return (g - mean_g - n * mean_gn) * rows.of(saved.inv_std);
}

void LayerNorm::add_pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows,
                             Tensor& residual) const {
  const kernels::NormPullback in{grad_y,  saved.normed, saved.inv_std,
                                 weight_, rows.index,   /*centred=*/true};
  if (!kernels::add_norm_pullback(in, residual)) residual.add_(pullback(grad_y, saved, rows));
}

RmsNorm::RmsNorm(Tensor weight, double eps)
    : weight_(std::move(weight)), eps_(checked_epsilon(eps)) {}

Tensor RmsNorm::forward(const Tensor& x, Saved* saved) const {
  Tensor fast = fast_forward({x, weight_, Tensor(), eps_, /*centred=*/false}, saved);
  if (fast.defined()) return fast;
  const Tensor wide = widened(x);
  const Tensor inv_std = (wide.square().mean(-1, true) + eps_).rsqrt();
  const Tensor normed = (wide * inv_std).to(x.scalar_type());
  if (saved != nullptr) *saved = {normed, inv_std};
  return normed * weight_;
}

Tensor RmsNorm::pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows) const {
  // With g = grad_y * weight and n = normed:  grad_x = (g - n * mean(g * n)) * inv_std
  const Tensor n = rows.of(saved.normed);         // [rows, hidden]
  const Tensor g = widened(grad_y) * weight_;     // [rows, hidden]
  const Tensor mean_gn = (g * n).mean(-1, true);  // [rows, 1]
  return (g - n * mean_gn) * rows.of(saved.inv_std);
}

void RmsNorm::add_pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows,
                           Tensor& residual) const {
  const kernels::NormPullback in{grad_y,  saved.normed, saved.inv_std,
                                 weight_, rows.index,   /*centred=*/false};
  if (!kernels::add_norm_pullback(in, residual)) residual.add_(pullback(grad_y, saved, rows));
}

}  // namespace inseq::nn
