#pragma once
#include "models/stack/encoder_decoder.h"

namespace inseq::test {

/// What a tiny random encoder–decoder model in float64 looks like.
struct TinyEncoderDecoder {
  int64_t vocab = 13, hidden = 6, heads = 3, head_dim = 4, inner = 7;
  int64_t encoder_layers = 2, layers = 3;
  models::NormPlacement placement = models::NormPlacement::kAfter;
  models::EmbeddingNorm embedding_norm = models::EmbeddingNorm::kNone;
  bool t5 = false;  ///< RMS norms, relative positions and gated feed-forward; else Marian's form
};

models::EncoderDecoderParts tiny_parts(const TinyEncoderDecoder& shape);

/// The model, with its weights in `type`.
std::unique_ptr<models::EncoderDecoder> tiny_encoder_decoder(const TinyEncoderDecoder& shape);

}  // namespace inseq::test
