// M2M-100 (Fan et al. 2020) and NLLB-200 (NLLB team 2022): norms before each block, sinusoidal
// positions.
#include "models/stack/architecture.h"
#include "models/stack/bart_form.h"

namespace inseq::models {
namespace {

std::unique_ptr<LanguageModel> build(const Config& config, const Weights& weights) {
  return build_bart_form(config, weights,
                         {.placement = NormPlacement::kBefore,
                          .positions = BartPositions::kTensor2Tensor,
                          .scale_embedding = true,
                          .activation = "relu"});
}

}  // namespace

void register_m2m_100(ArchitectureRegistry& registry) {
  registry.add(
      {"M2M100ForConditionalGeneration", "M2M100Model"},
      {.summary = "M2M-100 and NLLB-200", .build = build, .stored_name = bart_stored_name});
}

}  // namespace inseq::models
