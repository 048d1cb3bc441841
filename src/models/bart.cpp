// BART (Lewis et al. 2020): learned positions, a norm after each block and after the embeddings.
#include "models/stack/architecture.h"
#include "models/stack/bart_form.h"

namespace inseq::models {
namespace {

std::unique_ptr<LanguageModel> build(const Config& config, const Weights& weights) {
  return build_bart_form(config, weights,
                         {.encoder_norm = EmbeddingNorm::kAfterPositions,
                          .decoder_norm = EmbeddingNorm::kAfterPositions});
}

}  // namespace

void register_bart(ArchitectureRegistry& registry) {
  registry.add({"BartForConditionalGeneration", "BartModel"},
               {.summary = "BART", .build = build, .stored_name = bart_stored_name});
}

}  // namespace inseq::models
