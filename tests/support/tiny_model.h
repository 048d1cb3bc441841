#pragma once
#include "models/stack/decoder_only.h"

namespace inseq::test {

/// What a tiny random model in float64 looks like.
struct TinyModel {
  int64_t vocab = 13, hidden = 6, layers = 2, heads = 3, kv_heads = 3, head_dim = 4, inner = 7;
  bool llama = true;  ///< RMS norms, rotary positions and gated feed-forward; else GPT-2's form
  int64_t dynamic_from = 0;  ///< more: dynamic rotary scaling for texts longer than this
};

models::DecoderOnly tiny_model(const TinyModel& shape);

}  // namespace inseq::test
