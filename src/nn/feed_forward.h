#pragma once
#include "nn/activation.h"
#include "nn/linear.h"
#include "nn/rows.h"

namespace inseq::nn {

/// What DeepLIFT's rescale rule compares a pass with.
struct Reference {
  Tensor inner;  // what went into the activations of a pass over the baseline; undefined: no rule
  bool every_function = false;  // also where Captum leaves the gradient as it is
};

/// The position-wise part of a transformer layer.
class FeedForward {
 public:
  /// What one forward pass leaves behind for its pullbacks.
  struct Saved {
    Tensor slopes;  // [batch, tokens, inner] or [batch, tokens, 2 * inner]: see the derived classes
    Tensor inner;   // [batch, tokens, ...], what goes into activation and gate; of references alone
    /// Of mixtures, for the experts that each token goes through, all [batch, tokens, ...]: which
    /// they are, their shares and their outputs.
    Tensor experts = {}, shares = {}, outputs = {};
  };
  virtual ~FeedForward() = default;

  /// x: [batch, tokens, hidden] -> same. Fills `saved` when a pullback will follow; with a
  /// reference, that pullback follows the rescale rule.
  virtual Tensor forward(const Tensor& x, Saved* saved = nullptr,
                         const Reference& reference = {}) const = 0;
  /// What goes into the activation: Reference::inner of a pass over a baseline.
  virtual Tensor inner(const Tensor& x) const = 0;
  /// grad_y: [rows, hidden] -> grad_x, same shape.
  virtual Tensor pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows) const = 0;
  /// Units of the inner layer that a pullback holds at once, per row; for the memory plan.
  virtual int64_t inner_units() const = 0;
};

/// y = down(f(up(x))). Saved slopes: f'(up(x)).
class PlainFeedForward : public FeedForward {
 public:
  PlainFeedForward(Linear up, Linear down, Activation activation)
      : up_(std::move(up)), down_(std::move(down)), activation_(activation) {}
  Tensor forward(const Tensor& x, Saved* saved = nullptr,
                 const Reference& reference = {}) const override;
  Tensor pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows) const override;
  Tensor inner(const Tensor& x) const override { return up_.forward(x); }
  int64_t inner_units() const override { return 2 * up_.out_features(); }

 private:
  Linear up_, down_;
  Activation activation_;
};

/// y = down(f(gate(x)) * up(x)) (Shazeer 2020). `gate_up` holds both maps, the gate's rows first.
/// Saved slopes: with respect to gate(x) and up(x), side by side.
class GatedFeedForward : public FeedForward {
 public:
  GatedFeedForward(Linear gate_up, Linear down, Activation activation)
      : gate_up_(std::move(gate_up)), down_(std::move(down)), activation_(activation) {}
  Tensor forward(const Tensor& x, Saved* saved = nullptr,
                 const Reference& reference = {}) const override;
  Tensor pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows) const override;
  Tensor inner(const Tensor& x) const override { return gate_up_.forward(x); }
  int64_t inner_units() const override { return gate_up_.out_features() * 3 / 2; }

 private:
  Linear gate_up_, down_;
  Activation activation_;
};

}  // namespace inseq::nn
