// Pegasus (Zhang et al. 2020): norms before each block, sinusoidal positions.
#include "models/stack/architecture.h"
#include "models/stack/bart_form.h"

namespace inseq::models {
namespace {

std::unique_ptr<LanguageModel> build(const Config& config, const Weights& weights) {
  return build_bart_form(
      config, weights, {.placement = NormPlacement::kBefore, .positions = BartPositions::kMarian});
}

}  // namespace

void register_pegasus(ArchitectureRegistry& registry) {
  registry.add({"PegasusForConditionalGeneration", "PegasusModel"},
               {.summary = "Pegasus", .build = build, .stored_name = bart_stored_name});
}

}  // namespace inseq::models
