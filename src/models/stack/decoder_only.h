#pragma once
#include <optional>

#include "models/stack/decoder_layer.h"

namespace inseq::models {

/// Sizes of a decoder-only model.
struct DecoderOnlySizes {
  int64_t vocab = 0, hidden = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0;
  std::optional<int64_t>
      max_positions;  ///< longest text in tokens; absent when positions have no table
};

/// What an architecture file assembles.
struct DecoderOnlyParts {
  DecoderOnlySizes sizes;
  Tensor token_embeddings;                        // [vocab, hidden]
  Tensor position_embeddings;                     // [positions, hidden], or undefined
  std::unique_ptr<nn::RotaryFrequencies> rotary;  // or null
  std::vector<DecoderLayer> layers;
  std::unique_ptr<nn::Norm> final_norm;
  nn::Linear head;  // hidden -> vocab
};

/// A causal language model: token (and position) embeddings, pre-norm layers, a final norm and a
/// head. Immutable and thread-safe after construction. Attribution works on texts of one length
/// without padding; only generation pads.
class DecoderOnly {
 public:
  /// Activations of one forward pass over [batch, tokens].
  struct Saved {
    std::vector<DecoderLayer::Saved> layers;
    nn::Norm::Saved final_norm;
    int64_t tokens = 0;
  };
  using Cache = std::vector<nn::KeyValueCache>;  // one per layer

  explicit DecoderOnly(DecoderOnlyParts parts) : parts_(std::move(parts)) {}

  /// Embeddings that attribution starts from: ids [...] int64 -> [..., hidden].
  Tensor embed(const Tensor& ids) const;

  /// embeddings: [batch, tokens, hidden] -> final hidden states after the last norm, same shape.
  /// `length` is the length of text the rotary frequencies are chosen for (0: tokens).
  Tensor forward(const Tensor& embeddings, Saved* saved = nullptr, int64_t length = 0) const;

  /// Continues generation. ids: [batch, new] int64; mask: [batch, past + new], 0 at padding on the
  /// left. Returns the logits of the last position: [batch, vocab], float32 or wider.
  Tensor next_logits(const Tensor& ids, const Tensor& mask, Cache& cache) const;

  /// Scores over the vocabulary: [..., hidden] -> [..., vocab], float32 or wider.
  Tensor logits(const Tensor& final_hidden) const;
  /// grad_logits: [..., vocab] -> gradient of the final hidden states: [..., hidden], in the
  /// model's type.
  Tensor logits_pullback(const Tensor& grad_logits) const;

  /// The gradient of one score per step with respect to the embeddings. grad_final: [steps, batch,
  /// hidden], the gradient of step s with respect to the final hidden state at positions[s] (it is
  /// zero elsewhere). Returns [steps, batch, tokens, hidden], float32 or wider, for the tokens up
  /// to the last position; zero after each step's own.
  Tensor pullback(const Tensor& grad_final, const std::vector<int64_t>& positions,
                  const Saved& saved) const;

  /// Attention weights of the given rows in every layer: [layers, batch, heads, rows, tokens].
  Tensor attention_weights(const Saved& saved, const Tensor& rows) const;

  /// Bytes that a pullback needs for one step over `tokens` tokens, and that a forward pass leaves
  /// behind.
  int64_t pullback_bytes(int64_t tokens) const;
  int64_t saved_bytes(int64_t tokens) const;

  /// See nn::RotaryFrequencies::regime.
  int64_t regime(int64_t length) const { return parts_.rotary ? parts_.rotary->regime(length) : 0; }
  const DecoderOnlySizes& sizes() const { return parts_.sizes; }
  at::ScalarType type() const { return parts_.token_embeddings.scalar_type(); }
  at::Device device() const { return parts_.token_embeddings.device(); }

 private:
  Tensor add_positions(const Tensor& embeddings, const Tensor& positions) const;
  at::ScalarType wide_type() const { return type() == at::kDouble ? at::kDouble : at::kFloat; }
  DecoderOnlyParts parts_;
};

}  // namespace inseq::models
