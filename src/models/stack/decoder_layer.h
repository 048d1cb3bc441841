#pragma once
#include <memory>

#include "nn/attention.h"
#include "nn/feed_forward.h"
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
  };
  explicit DecoderLayer(Parts parts) : parts_(std::move(parts)) {}

  /// x: [batch, tokens, hidden] -> same. `attention`, where the attention is saved, may be given
  /// without the rest.
  Tensor forward(const Tensor& x, const nn::AttentionContext& context, Saved* saved,
                 nn::SelfAttention::Saved* attention, nn::KeyValueCache* cache = nullptr,
                 const nn::Reference& reference = {}) const;
  /// The two halves of forward(), for interventions between them.
  Tensor after_attention(const Tensor& x, const nn::AttentionContext& context,
                         nn::SelfAttention::Saved& attention) const {
    return attended(x, context, nullptr, &attention, nullptr);
  }
  Tensor after_feed_forward(const Tensor& between, nn::Norm::Saved* norm = nullptr,
                            nn::FeedForward::Saved* saved = nullptr,
                            const nn::Reference& reference = {}) const;
  /// What goes into the feed-forward block's activation behind `between`.
  Tensor inner_of(const Tensor& between) const {
    return parts_.feed_forward->inner(parts_.feed_forward_norm->forward(between));
  }
  /// The same for a pass that serves as a reference: `saved` gets nothing else.
  Tensor forward_as_reference(const Tensor& x, const nn::AttentionContext& context,
                              Saved& saved) const;
  /// Carries `grad` from the layer's output to its input, in place.
  void pullback(ResidualGradient& grad, const Saved& saved, const nn::Rows& rows) const;
  /// The same through the feed-forward half alone.
  void pullback_feed_forward(ResidualGradient& grad, const Saved& saved,
                             const nn::Rows& rows) const;
  /// As pullback, from gradients that are non-zero only in the last row of each segment of `rows`:
  /// `grad` has one row for each segment before (the tokens of `own`), all rows after.
  void pullback_of_last(ResidualGradient& grad, const Saved& saved, const nn::Rows& own,
                        const nn::Rows& rows) const;

  const nn::SelfAttention& attention() const { return *parts_.attention; }
  const nn::FeedForward& feed_forward() const { return *parts_.feed_forward; }

 private:
  Tensor attended(const Tensor& x, const nn::AttentionContext& context, Saved* saved,
                  nn::SelfAttention::Saved* attention, nn::KeyValueCache* cache) const;
  Parts parts_;
};

}  // namespace inseq::models
