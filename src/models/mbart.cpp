// mBART (Liu et al. 2020) and mBART-50: BART with norms before each block and at the end of each
// half.
#include "models/stack/architecture.h"
#include "models/stack/bart_form.h"

namespace inseq::models {
namespace {

std::unique_ptr<LanguageModel> build(const Config& config, const Weights& weights) {
  return build_bart_form(config, weights,
                         {.placement = NormPlacement::kBefore,
                          .encoder_norm = EmbeddingNorm::kAfterPositions,
                          .decoder_norm = EmbeddingNorm::kAfterPositions});
}

}  // namespace

void register_mbart(ArchitectureRegistry& registry) {
  registry.add({"MBartForConditionalGeneration", "MBartModel"},
               {.summary = "mBART and mBART-50", .build = build, .stored_name = bart_stored_name});
}

}  // namespace inseq::models
