#pragma once
#include <memory>

#include "nn/attention.h"
#include "nn/feed_forward.h"
#include "nn/norm.h"

namespace inseq::models {

/// The gradient of the residual stream on its way down, in two precisions.
struct ResidualGradient {
  Tensor wide;  // [steps, batch, tokens, hidden], float32 or wider: additions happen here
  /// In the model's own type, for matrix products; the same tensor when the types agree.
  Tensor narrow(at::ScalarType type) const { return wide.to(type); }
};

/// A pre-norm decoder layer: x += attention(norm1(x)); x += feed_forward(norm2(x)).
class DecoderLayer {
 public:
  struct Parts {
    std::unique_ptr<nn::Norm> attention_norm;
    std::unique_ptr<nn::SelfAttention> attention;
    std::unique_ptr<nn::Norm> feed_forward_norm;
    std::unique_ptr<nn::FeedForward> feed_forward;
  };
  struct Saved {
    nn::Norm::Saved attention_norm;
    nn::SelfAttention::Saved attention;
    nn::Norm::Saved feed_forward_norm;
    nn::FeedForward::Saved feed_forward;
    Saved first_tokens(int64_t tokens) const;
  };
  explicit DecoderLayer(Parts parts) : parts_(std::move(parts)) {}

  /// x: [batch, tokens, hidden] -> same.
  Tensor forward(const Tensor& x, const nn::AttentionContext& context, Saved* saved = nullptr,
                 nn::KeyValueCache* cache = nullptr) const;
  /// Carries `grad` from the layer's output to its input, in place.
  void pullback(ResidualGradient& grad, const Saved& saved, at::ScalarType type) const;
  /// The same from gradients that are non-zero only at each step's own position. positions: [steps] int64; grad:
  /// [steps, batch, 1, hidden] becomes [steps, batch, tokens, hidden], with the tokens of `saved`.
  void pullback_at(ResidualGradient& grad, const Tensor& positions, const Saved& saved,
                   at::ScalarType type) const;

  const nn::SelfAttention& attention() const { return *parts_.attention; }
  const nn::FeedForward& feed_forward() const { return *parts_.feed_forward; }

 private:
  Parts parts_;
};

}  // namespace inseq::models
