#pragma once
#include <array>
#include <optional>
#include <span>

#include "models/stack/language_model.h"
#include "models/stack/residual.h"
#include "nn/attention.h"
#include "nn/cross_attention.h"
#include "nn/feed_forward.h"

namespace inseq::models {

/// Something for each block of a layer; a layer without cross-attention leaves that entry empty.
template <typename T>
class PerBlock {
 public:
  T& operator[](Block block) { return all_[static_cast<size_t>(block)]; }
  const T& operator[](Block block) const { return all_[static_cast<size_t>(block)]; }

 private:
  std::array<T, 3> all_;
};

/// A layer: self-attention, cross-attention (of decoders with a source), feed-forward, each a
/// residual block with its norm.
class TransformerLayer {
 public:
  template <typename T>
  struct Part {
    Residual residual;
    std::unique_ptr<T> block;
  };
  struct Parts {
    Part<nn::SelfAttention> self;
    std::optional<Part<nn::CrossAttention>> cross = std::nullopt;
    Part<nn::FeedForward> feed_forward;
  };
  /// What one forward pass leaves behind.
  struct Saved {
    PerBlock<nn::Norm::Saved> norms;
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
  /// The way of hidden states through a layer: [batch, tokens, hidden] each.
  struct Trace {
    PerBlock<Tensor> before;   // the residual stream in front of a block
    PerBlock<Tensor> written;  // what the block adds to it
  };
  /// What a pass is to leave behind.
  struct Keeping {
    Saved* attention = nullptr;   ///< takes what attention saves; null: nothing is kept
    Saved* everything = nullptr;  ///< takes what a pullback needs besides; null: not kept
    Saved* reference = nullptr;   ///< takes what DeepLIFT's rule compares with; null: not kept
    nn::Reference rule = {};      ///< what pullbacks of this pass compare with
    Trace* trace = nullptr;       ///< for interventions; null: not kept
  };
  explicit TransformerLayer(Parts parts) : parts_(std::move(parts)) {}

  /// x: [batch, tokens, hidden] -> same.
  Tensor forward(const Tensor& x, const Context& context, const Keeping& keep) const;
  /// The layer's output when `block`, with the residual stream `before` in front of it, writes
  /// `written`: [batch, tokens, hidden] -> same. They may be of some tokens alone, as what follows
  /// mixes none.
  Tensor forward_from(Block block, const Tensor& before, const Tensor& written,
                      const Context& context, const Keeping& keep) const;

  /// Carries `grad` from the layer's output to its input, in place. What layers with
  /// cross-attention owe to the source is added to grad_source: [segments * source tokens, hidden].
  void pullback(ResidualGradient& grad, const Saved& saved, const nn::Rows& rows,
                Tensor& grad_source) const;
  /// The same from gradients that are non-zero only in the last row of each segment of `rows`:
  /// `grad` has one row for each segment before (the tokens of `own`), all rows after.
  void pullback_of_last(ResidualGradient& grad, const Saved& saved, const nn::Rows& own,
                        const nn::Rows& rows, Tensor& grad_source) const;
  /// The part of a pullback that comes before self-attention, and all that reaches the source. The
  /// gradient of the layer's input is not computed.
  void pullback_to_source(ResidualGradient& grad, const Saved& saved, const nn::Rows& rows,
                          Tensor& grad_source) const {
    pullback_behind(Block::kSelfAttention, grad, saved, rows, grad_source);
  }
  /// Carries `grad` from the layer's output to what `block` writes, in place.
  void pullback_to(Block block, ResidualGradient& grad, const Saved& saved, const nn::Rows& rows,
                   Tensor& grad_source) const;

  /// The blocks that the layer has, in their order.
  std::span<const Block> blocks() const;
  const nn::SelfAttention& self() const { return *parts_.self.block; }
  const nn::CrossAttention& cross() const { return *parts_.cross->block; }
  const nn::FeedForward& feed_forward() const { return *parts_.feed_forward.block; }

 private:
  const Residual& residual(Block block) const;
  Tensor through(Block block, const Tensor& x, const Context& context, const Keeping& keep) const;
  Tensor written(Block block, const Tensor& in, const Context& context, const Keeping& keep) const;
  void pullback_behind(Block block, ResidualGradient& grad, const Saved& saved,
                       const nn::Rows& rows, Tensor& grad_source) const;
  void pullback_through(Block block, ResidualGradient& grad, const Saved& saved,
                        const nn::Rows& rows, Tensor& grad_source) const;
  Parts parts_;
};

}  // namespace inseq::models
