#include "models/stack/transformer_layer.h"

namespace inseq::models {

Tensor TransformerLayer::forward(const Tensor& x, const Context& context,
                                 const Keeping& keep) const {
  Saved* all = keep.everything;
  Tensor y =
      parts_.self.residual.forward(x, all ? &all->self_norm : nullptr, [&](const Tensor& in) {
        return parts_.self.block->forward(
            in, context.self, keep.attention ? &keep.attention->self : nullptr, context.cache);
      });
  if (parts_.cross) {
    y = parts_.cross->residual.forward(y, all ? &all->cross_norm : nullptr, [&](const Tensor& in) {
      return parts_.cross->block->forward(in, *context.source,
                                          keep.attention ? &keep.attention->cross : nullptr);
    });
  }
  return parts_.feed_forward.residual.forward(
      y, all ? &all->feed_forward_norm : nullptr, [&](const Tensor& in) {
        const nn::FeedForward& block = *parts_.feed_forward.block;
        if (keep.reference != nullptr) keep.reference->feed_forward.inner = block.inner(in);
        return block.forward(in, all ? &all->feed_forward : nullptr, keep.rule);
      });
}

Tensor TransformerLayer::forward(const Tensor& x, const Context& context, Saved& saved,
                                 Written& written) const {
  written.x = x;
  written.between = parts_.self.residual.forward(x, nullptr, [&](const Tensor& in) {
    return written.self = parts_.self.block->forward(in, context.self, &saved.self);
  });
  Tensor y = written.between;
  if (parts_.cross) {
    y = parts_.cross->residual.forward(y, nullptr, [&](const Tensor& in) {
      return written.cross = parts_.cross->block->forward(in, *context.source, &saved.cross);
    });
  }
  return parts_.feed_forward.residual.forward(
      y, nullptr, [&](const Tensor& in) { return parts_.feed_forward.block->forward(in); });
}

Tensor TransformerLayer::without(Mixing where, const Tensor& lost, int64_t row,
                                 const Context& context, const Written& written) const {
  const int64_t rows = lost.size(1);
  const bool of_cross = where == Mixing::kCross;
  const auto less = [&](const Tensor& whole) {
    return [&](const Tensor&) { return whole.narrow(1, row, rows) - lost; };
  };
  Tensor y = of_cross ? written.between.narrow(1, row, rows)
                      : parts_.self.residual.forward(written.x.narrow(1, row, rows), nullptr,
                                                     less(written.self));
  if (parts_.cross) {
    y = of_cross ? parts_.cross->residual.forward(y, nullptr, less(written.cross))
                 : parts_.cross->residual.forward(y, nullptr, [&](const Tensor& in) {
                     return parts_.cross->block->forward(in, *context.source);
                   });
  }
  return parts_.feed_forward.residual.forward(
      y, nullptr, [&](const Tensor& in) { return parts_.feed_forward.block->forward(in); });
}

void TransformerLayer::pullback_to_source(ResidualGradient& grad, const Saved& saved,
                                          const nn::Rows& rows, Tensor& grad_source) const {
  parts_.feed_forward.residual.pullback(grad, saved.feed_forward_norm, rows, [&](const Tensor& g) {
    return parts_.feed_forward.block->pullback(g, saved.feed_forward, rows);
  });
  if (!parts_.cross) return;
  parts_.cross->residual.pullback(grad, saved.cross_norm, rows, [&](const Tensor& g) {
    return parts_.cross->block->pullback(g, saved.cross, rows, grad_source);
  });
}

void TransformerLayer::pullback(ResidualGradient& grad, const Saved& saved, const nn::Rows& rows,
                                Tensor& grad_source) const {
  pullback_to_source(grad, saved, rows, grad_source);
  parts_.self.residual.pullback(grad, saved.self_norm, rows, [&](const Tensor& g) {
    return parts_.self.block->pullback(g, saved.self, rows);
  });
}

void TransformerLayer::pullback_of_last(ResidualGradient& grad, const Saved& saved,
                                        const nn::Rows& own, const nn::Rows& rows,
                                        Tensor& grad_source) const {
  pullback_to_source(grad, saved, own, grad_source);
  parts_.self.residual.pullback_of_last(grad, saved.self_norm, own, rows, [&](const Tensor& g) {
    return parts_.self.block->pullback_of_last(g, saved.self, rows);
  });
}

}  // namespace inseq::models
