// PLBART (Ahmad et al. 2021), for programming languages: BART with scaled embeddings.
#include "models/stack/architecture.h"
#include "models/stack/bart_form.h"

namespace inseq::models {
namespace {

std::unique_ptr<LanguageModel> build(const Config& config, const Weights& weights) {
  return build_bart_form(config, weights,
                         {.encoder_norm = EmbeddingNorm::kAfterPositions,
                          .decoder_norm = EmbeddingNorm::kAfterPositions,
                          .scale_embedding = true});
}

}  // namespace

void register_plbart(ArchitectureRegistry& registry) {
  registry.add({"PLBartForConditionalGeneration", "PLBartModel"},
               {.summary = "PLBART", .build = build, .stored_name = bart_stored_name});
}

}  // namespace inseq::models
