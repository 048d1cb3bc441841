#include "models/stack/input_side.h"

#include "inseq/error.h"

namespace inseq::models {

Tensor InputSide::embed(const Tensor& ids) const {
  const int64_t vocab = parts_.token_embeddings.size(0);
  if (ids.is_cpu() && ids.numel() > 0) {
    const auto [lowest, highest] = at::aminmax(ids);
    const int64_t worst = (lowest.item<int64_t>() < 0 ? lowest : highest).item<int64_t>();
    INSEQ_CHECK(
        worst >= 0 && worst < vocab, InvalidArgument, "token id ", worst,
        " is not in the model's vocabulary of ", vocab,
        "; the tokenizer or the ids in config.json (pad_token_id, decoder_start_token_id, …) "
        "are another model's");
  }
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
