#include "models/stack/transformer_layer.h"

namespace inseq::models {
namespace {

constexpr std::array kWithSource{Block::kSelfAttention, Block::kCrossAttention,
                                 Block::kFeedForward};
constexpr std::array kAlone{Block::kSelfAttention, Block::kFeedForward};

nn::Norm::Saved* norm_in(const TransformerLayer::Keeping& keep, Block block) {
  return keep.everything == nullptr ? nullptr : &keep.everything->norms[block];
}

}  // namespace

std::span<const Block> TransformerLayer::blocks() const {
  if (parts_.cross) return kWithSource;
  return kAlone;
}

const Residual& TransformerLayer::residual(Block block) const {
  if (block == Block::kSelfAttention) return parts_.self.residual;
  return block == Block::kCrossAttention ? parts_.cross->residual : parts_.feed_forward.residual;
}

/// What a block makes of its input.
Tensor TransformerLayer::written(Block block, const Tensor& in, const Context& context,
                                 const Keeping& keep) const {
  if (block == Block::kSelfAttention) {
    return self().forward(in, context.self, keep.attention ? &keep.attention->self : nullptr,
                          context.cache);
  }
  if (block == Block::kCrossAttention) {
    return cross().forward(in, *context.source, keep.attention ? &keep.attention->cross : nullptr);
  }
  if (keep.reference != nullptr) keep.reference->feed_forward.inner = feed_forward().inner(in);
  return feed_forward().forward(in, keep.everything ? &keep.everything->feed_forward : nullptr,
                                keep.rule);
}

Tensor TransformerLayer::through(Block block, const Tensor& x, const Context& context,
                                 const Keeping& keep) const {
  if (keep.trace != nullptr) keep.trace->before[block] = x;
  return residual(block).forward(x, norm_in(keep, block), [&](const Tensor& in) {
    const Tensor out = written(block, in, context, keep);
    if (keep.trace != nullptr) keep.trace->written[block] = out;
    return out;
  });
}

Tensor TransformerLayer::forward(const Tensor& x, const Context& context,
                                 const Keeping& keep) const {
  Tensor y = x;
  for (const Block block : blocks()) y = through(block, y, context, keep);
  return y;
}

Tensor TransformerLayer::forward_from(Block block, const Tensor& before, const Tensor& written,
                                      const Context& context, const Keeping& keep) const {
  Tensor y = residual(block).join(before, written, norm_in(keep, block));
  for (const Block next : blocks()) {
    if (next > block) y = through(next, y, context, keep);
  }
  return y;
}

void TransformerLayer::pullback_through(Block block, ResidualGradient& grad, const Saved& saved,
                                        const nn::Rows& rows, Tensor& grad_source) const {
  residual(block).pullback(grad, saved.norms[block], rows, [&](const Tensor& g) {
    if (block == Block::kSelfAttention) return self().pullback(g, saved.self, rows);
    if (block == Block::kCrossAttention) return cross().pullback(g, saved.cross, rows, grad_source);
    return feed_forward().pullback(g, saved.feed_forward, rows);
  });
}

/// From the layer's output through the blocks behind `block`.
void TransformerLayer::pullback_behind(Block block, ResidualGradient& grad, const Saved& saved,
                                       const nn::Rows& rows, Tensor& grad_source) const {
  const std::span<const Block> all = blocks();
  for (auto behind = all.rbegin(); behind != all.rend() && *behind > block; ++behind)
    pullback_through(*behind, grad, saved, rows, grad_source);
}

void TransformerLayer::pullback(ResidualGradient& grad, const Saved& saved, const nn::Rows& rows,
                                Tensor& grad_source) const {
  pullback_behind(Block::kSelfAttention, grad, saved, rows, grad_source);
  pullback_through(Block::kSelfAttention, grad, saved, rows, grad_source);
}

void TransformerLayer::pullback_of_last(ResidualGradient& grad, const Saved& saved,
                                        const nn::Rows& own, const nn::Rows& rows,
                                        Tensor& grad_source) const {
  pullback_behind(Block::kSelfAttention, grad, saved, own, grad_source);
  parts_.self.residual.pullback_of_last(
      grad, saved.norms[Block::kSelfAttention], own, rows,
      [&](const Tensor& g) { return self().pullback_of_last(g, saved.self, rows); });
}

void TransformerLayer::pullback_to(Block block, ResidualGradient& grad, const Saved& saved,
                                   const nn::Rows& rows, Tensor& grad_source) const {
  pullback_behind(block, grad, saved, rows, grad_source);
  residual(block).pullback_to_block(grad, saved.norms[block], rows);
}

}  // namespace inseq::models
