#include "models/stack/input_side.h"

namespace inseq::models {

Tensor InputSide::embed(const Tensor& ids) const {
  const Tensor embeddings =
      at::embedding(parts_.token_embeddings, ids.to(parts_.token_embeddings.device()));
  return parts_.scale == 1.0 ? embeddings : embeddings * parts_.scale;
}

Tensor InputSide::forward(const Tensor& embeddings, const Tensor& positions,
                          nn::Norm::Saved* saved) const {
  Tensor x = embeddings;
  if (parts_.placement == EmbeddingNorm::kBeforePositions) x = parts_.norm->forward(x, saved);
  if (parts_.positions) x = x + parts_.positions->at(positions);
  if (parts_.placement == EmbeddingNorm::kAfterPositions) x = parts_.norm->forward(x, saved);
  return x;
}

void InputSide::pullback(ResidualGradient& grad, const nn::Norm::Saved& saved,
                         const nn::Rows& rows) const {
  if (!parts_.norm) return;
  grad.wide = parts_.norm->pullback(grad.wide, saved, rows);
}

}  // namespace inseq::models
