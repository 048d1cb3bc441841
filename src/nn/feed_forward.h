#pragma once
#include "nn/activation.h"
#include "nn/linear.h"

namespace inseq::nn {

/// The position-wise part of a transformer layer.
class FeedForward {
 public:
  /// What one forward pass leaves behind for its pullbacks.
  struct Saved {
    Tensor slopes;  // [batch, tokens, inner] or [batch, tokens, 2 * inner]: see the derived classes
    Saved first_tokens(int64_t tokens) const { return {nn::first_tokens(slopes, tokens)}; }
    Saved rows_of_steps(const Tensor& positions) const {
      return {nn::rows_of_steps(slopes, positions)};
    }
  };
  virtual ~FeedForward() = default;

  /// x: [batch, tokens, hidden] -> same. Fills `saved` when a pullback will follow.
  virtual Tensor forward(const Tensor& x, Saved* saved = nullptr) const = 0;
  /// grad_y: [steps, batch, tokens, hidden] -> grad_x, same shape.
  virtual Tensor pullback(const Tensor& grad_y, const Saved& saved) const = 0;
  /// Units of the inner layer that a pullback holds at once, per token; for the memory plan.
  virtual int64_t inner_units() const = 0;
};

/// y = down(f(up(x))). Saved slopes: f'(up(x)).
class PlainFeedForward : public FeedForward {
 public:
  PlainFeedForward(Linear up, Linear down, Activation activation)
      : up_(std::move(up)), down_(std::move(down)), activation_(activation) {}
  Tensor forward(const Tensor& x, Saved* saved = nullptr) const override;
  Tensor pullback(const Tensor& grad_y, const Saved& saved) const override;
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
  Tensor forward(const Tensor& x, Saved* saved = nullptr) const override;
  Tensor pullback(const Tensor& grad_y, const Saved& saved) const override;
  int64_t inner_units() const override { return gate_up_.out_features() * 3 / 2; }

 private:
  Linear gate_up_, down_;
  Activation activation_;
};

}  // namespace inseq::nn
