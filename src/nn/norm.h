#pragma once
#include "nn/rows.h"

namespace inseq::nn {

/// A normalisation over the last dimension: y = n * weight + bias, where n is x standardised in the
/// way of the derived class, with factor inv_std.
class Norm {
 public:
  /// What one forward pass leaves behind for its pullbacks.
  struct Saved {
    Tensor normed;   // [batch, tokens, hidden]
    Tensor inv_std;  // [batch, tokens, 1], float32 or wider
  };
  virtual ~Norm() = default;

  /// x: [batch, tokens, hidden] -> same. Fills `saved` when a pullback will follow.
  virtual Tensor forward(const Tensor& x, Saved* saved = nullptr) const = 0;
  /// grad_y: [rows, hidden] -> grad_x, same shape, float32 or wider.
  virtual Tensor pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows) const = 0;
  /// residual += pullback(grad_y, saved, rows), in place. residual: float32 or wider, contiguous,
  /// shape of grad_y.
  virtual void add_pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows,
                            Tensor& residual) const = 0;
};

/// Layer normalisation (Ba et al. 2016): n = (x - mean(x)) * inv_std, inv_std = 1 / sqrt(var(x) +
/// eps).
class LayerNorm : public Norm {
 public:
  /// weight, bias: [hidden]; bias may be undefined.
  LayerNorm(Tensor weight, Tensor bias, double eps);
  Tensor forward(const Tensor& x, Saved* saved = nullptr) const override;
  Tensor pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows) const override;
  void add_pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows,
                    Tensor& residual) const override;

 private:
  Tensor weight_, bias_;
  double eps_;
};

/// Root-mean-square normalisation (Zhang and Sennrich 2019): n = x * inv_std,
/// inv_std = 1 / sqrt(mean(x²) + eps); no bias.
class RmsNorm : public Norm {
 public:
  RmsNorm(Tensor weight, double eps);  // [hidden]
  Tensor forward(const Tensor& x, Saved* saved = nullptr) const override;
  Tensor pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows) const override;
  void add_pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows,
                    Tensor& residual) const override;

 private:
  Tensor weight_;
  double eps_;
};

}  // namespace inseq::nn
