#pragma once
#include "models/stack/language_model.h"
#include "models/stack/residual.h"
#include "nn/attention.h"
#include "nn/cross_attention.h"
#include "nn/feed_forward.h"

namespace inseq::models {

/// A layer of an encoder or of a decoder with a source: self-attention, cross-attention (decoders),
/// feed-forward, each a residual block with its norm.
class TransformerLayer {
 public:
  struct SelfPart {
    Residual residual;
    std::unique_ptr<nn::SelfAttention> block;
  };
  struct CrossPart {
    Residual residual;
    std::unique_ptr<nn::CrossAttention> block;
  };
  struct FeedForwardPart {
    Residual residual;
    std::unique_ptr<nn::FeedForward> block;
  };
  struct Parts {
    SelfPart self;
    std::optional<CrossPart> cross = std::nullopt;
    FeedForwardPart feed_forward;
  };
  /// What one forward pass leaves behind.
  struct Saved {
    nn::Norm::Saved self_norm, cross_norm, feed_forward_norm;
    nn::SelfAttention::Saved self;
    nn::CrossAttention::Saved cross;
    nn::FeedForward::Saved feed_forward;
  };
  /// What a layer sees besides its input.
  struct Context {
    nn::AttentionContext self;
    const nn::CrossAttention::Source* source = nullptr;  ///< of layers with cross-attention
    nn::KeyValueCache* cache = nullptr;                  ///< the tokens before, if any
  };
  /// What a pass is to leave behind.
  struct Keeping {
    Saved* attention = nullptr;   ///< takes what attention saves; null: nothing is kept
    Saved* everything = nullptr;  ///< takes what a pullback needs besides; null: not kept
    Saved* reference = nullptr;   ///< takes what DeepLIFT's rule compares with; null: not kept
    nn::Reference rule = {};      ///< what pullbacks of this pass compare with
  };
  explicit TransformerLayer(Parts parts) : parts_(std::move(parts)) {}

  /// x: [batch, tokens, hidden] -> same.
  Tensor forward(const Tensor& x, const Context& context, const Keeping& keep) const;

  /// What attention blocks make of a layer's input, for interventions.
  struct Written {
    Tensor x;              // the layer's input
    Tensor self, between;  // what self-attention writes, and the residual stream after it
    Tensor cross;          // what cross-attention writes; undefined without
  };
  /// As forward(), of one batch entry; `saved` gets what attention saves.
  Tensor forward(const Tensor& x, const Context& context, Saved& saved, Written& written) const;
  /// The layer's output from row `row` on when self-attention or cross-attention (`where`) writes
  /// `lost` less: [n, rows, hidden] -> same.
  Tensor without(Mixing where, const Tensor& lost, int64_t row, const Context& context,
                 const Written& written) const;

  /// Carries `grad` from the layer's output to its input, in place. What layers with
  /// cross-attention owe to the source is added to grad_source: [segments * source tokens, hidden].
  void pullback(ResidualGradient& grad, const Saved& saved, const nn::Rows& rows,
                Tensor& grad_source) const;
  /// The same from gradients that are non-zero only in the last row of each segment of `rows`:
  /// `grad` has one row for each segment before (the tokens of `own`), all rows after.
  void pullback_of_last(ResidualGradient& grad, const Saved& saved, const nn::Rows& own,
                        const nn::Rows& rows, Tensor& grad_source) const;
  /// The part of a pullback that reaches the source: down to cross-attention and no further. The
  /// gradient of the layer's input is not computed.
  void pullback_to_source(ResidualGradient& grad, const Saved& saved, const nn::Rows& rows,
                          Tensor& grad_source) const;

  const nn::SelfAttention& self() const { return *parts_.self.block; }
  const nn::CrossAttention& cross() const { return *parts_.cross->block; }
  const nn::FeedForward& feed_forward() const { return *parts_.feed_forward.block; }

 private:
  Parts parts_;
};

}  // namespace inseq::models
