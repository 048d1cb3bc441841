#pragma once
#include "models/stack/config.h"
#include "models/stack/encoder_decoder.h"
#include "models/stack/weights.h"

namespace inseq::models {

/// What the vectors of positions are in BART and its kin.
enum class BartPositions {
  kLearned,          ///< a stored table
  kLearnedAfterTwo,  ///< a stored table whose first two rows are not used
  kMarian,           ///< Marian's sinusoids, stored or not
  kTensor2Tensor,    ///< tensor2tensor's sinusoids, from the id of padding on
};

/// How a model differs from the others that are built like BART (Lewis et al. 2020): their tensors
/// have the same names and their layers the same blocks.
struct BartForm {
  NormPlacement placement = NormPlacement::kAfter;  ///< with kBefore, each half ends in a norm
  EmbeddingNorm encoder_norm = EmbeddingNorm::kNone;
  EmbeddingNorm decoder_norm = EmbeddingNorm::kNone;
  BartPositions positions = BartPositions::kLearnedAfterTwo;
  std::optional<bool> scale_embedding = false;  ///< where config.json does not say; absent: never
  std::string activation = "gelu";              ///< where config.json does not say
  std::string prefix = "model.";                ///< of all tensors but the head
  /// An encoder's self-attention: query, key, value and output below "self_attn.".
  std::array<std::string, 4> encoder_attention = {"q_proj", "k_proj", "v_proj", "out_proj"};
  std::string cross_attention = "encoder_attn";  ///< its name, and with _layer_norm its norm's
  std::string feed_forward_norm = "final_layer_norm";
  std::string feed_forward_module = "fc2";  ///< whose output the block's is
  /// The longest source, where something else than its positions limits it.
  std::optional<int64_t> max_source_positions = std::nullopt;
  /// The feed-forward block of a layer; null: the plain one.
  std::unique_ptr<nn::FeedForward> (*feed_forward)(const Config& config, const Weights& weights,
                                                   const std::string& half,
                                                   int64_t layer) = nullptr;
};

std::unique_ptr<LanguageModel> build_bart_form(const Config& config, const Weights& weights,
                                               const BartForm& form);

/// A plain feed-forward block as BART names it: fc1 and fc2 below `name`.
std::unique_ptr<nn::FeedForward> bart_feed_forward(const Config& config, const Weights& weights,
                                                   const std::string& name, int64_t inner,
                                                   const std::string& activation);

/// Checkpoints that were saved without their head lack the prefix "model.".
std::string bart_stored_name(const std::string& name, const io::TensorFile& file);

}  // namespace inseq::models
