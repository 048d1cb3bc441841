// Blenderbot's small form: norms after each block; the decoder's embeddings are normalised before
// positions are added.
#include "models/stack/architecture.h"
#include "models/stack/bart_form.h"

namespace inseq::models {
namespace {

std::unique_ptr<LanguageModel> build(const Config& config, const Weights& weights) {
  return build_bart_form(config, weights,
                         {.encoder_norm = EmbeddingNorm::kAfterPositions,
                          .decoder_norm = EmbeddingNorm::kBeforePositions,
                          .positions = BartPositions::kLearned});
}

}  // namespace

void register_blenderbot_small(ArchitectureRegistry& registry) {
  registry.add(
      {"BlenderbotSmallForConditionalGeneration", "BlenderbotSmallModel"},
      {.summary = "the small Blenderbot", .build = build, .stored_name = bart_stored_name});
}

}  // namespace inseq::models
