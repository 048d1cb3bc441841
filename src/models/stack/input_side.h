#pragma once
#include "models/stack/residual.h"
#include "nn/positions.h"

namespace inseq::models {

/// Where the norm of embeddings stands, in models that have one.
enum class EmbeddingNorm {
  kNone,
  kAfterPositions,   ///< norm(embedding + position)
  kBeforePositions,  ///< norm(embedding) + position
};

/// What turns the ids of one side into the input of its first layer: scaled token embeddings,
/// positions, a norm.
class InputSide {
 public:
  struct Parts {
    Tensor token_embeddings;                   // [vocab, hidden]
    double scale = 1.0;                        ///< of token embeddings
    std::unique_ptr<nn::Positions> positions;  ///< or null
    std::unique_ptr<nn::Norm> norm = nullptr;  ///< or null
    EmbeddingNorm placement = EmbeddingNorm::kNone;
  };
  explicit InputSide(Parts parts) : parts_(std::move(parts)) {}

  /// ids [...] int64 -> scaled embeddings [..., hidden].
  Tensor embed(const Tensor& ids) const;
  /// embeddings: [batch, tokens, hidden] at positions ([tokens] or [batch, tokens]) -> input of the
  /// first layer, same shape.
  Tensor forward(const Tensor& embeddings, const Tensor& positions,
                 nn::Norm::Saved* saved = nullptr) const;
  /// Carries `grad` from the first layer's input to the scaled embeddings, in place.
  void pullback(ResidualGradient& grad, const nn::Norm::Saved& saved, const nn::Rows& rows) const;

  std::optional<int64_t> limit() const {
    return parts_.positions ? parts_.positions->limit() : std::nullopt;
  }
  const Tensor& token_embeddings() const { return parts_.token_embeddings; }

 private:
  Parts parts_;
};

}  // namespace inseq::models
