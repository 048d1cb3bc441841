#pragma once
#include "engine/engine.h"

namespace inseq::engine {

/// Token rows that a pullback aims at: enough that reading and packing the weights costs little
/// beside the products.
constexpr int64_t kRowsPerBlock = 1024;
/// The same for a forward pass over several texts or points of a path.
constexpr int64_t kRowsPerPass = 512;

/// Bytes for the logits of one row, their gradient and the attributed function's temporaries.
inline int64_t logit_bytes(const models::LanguageModel& model) {
  return 6 * model.sizes().vocab * 4;
}

/// Steps whose prefixes share one forward pass.
struct Engine::Group {
  int64_t first = 0, last = 0;  // positions explained: [first, last)
  int64_t length = 0;           // length of text that the rotary frequencies are chosen for

  int64_t tokens() const { return last - 1; }  // target tokens that the steps see
};

/// The first `tokens` target tokens; the source is whole.
inline Sides visible(const Sides& sides, int64_t tokens) {
  return {sides.source, sides.target.defined() ? sides.target.narrow(0, 0, tokens) : Tensor()};
}

inline Inputs visible(const Inputs& inputs, int64_t tokens) {
  return {visible(inputs.embeddings, tokens), visible(inputs.baselines, tokens)};
}

/// One batch entry of each side.
inline Sides as_batch(const Sides& sides) {
  return {sides.source.defined() ? sides.source.unsqueeze(0) : Tensor(), sides.target.unsqueeze(0)};
}

inline int64_t source_tokens(const Question& question) {
  return question.ids.source.defined() ? question.ids.source.size(0) : 0;
}

}  // namespace inseq::engine
