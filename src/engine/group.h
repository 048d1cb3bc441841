#pragma once
#include "engine/engine.h"

namespace inseq::engine {

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

/// One batch entry of each side.
inline Sides as_batch(const Sides& sides) {
  return {sides.source.defined() ? sides.source.unsqueeze(0) : Tensor(), sides.target.unsqueeze(0)};
}

inline int64_t source_tokens(const Question& question) {
  return question.ids.source.defined() ? question.ids.source.size(0) : 0;
}

}  // namespace inseq::engine
