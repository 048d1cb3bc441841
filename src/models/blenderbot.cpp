// Blenderbot (Roller et al. 2020): norms before each block, learned positions.
#include "models/stack/architecture.h"
#include "models/stack/bart_form.h"

namespace inseq::models {
namespace {

std::unique_ptr<LanguageModel> build(const Config& config, const Weights& weights) {
  return build_bart_form(
      config, weights, {.placement = NormPlacement::kBefore, .positions = BartPositions::kLearned});
}

}  // namespace

void register_blenderbot(ArchitectureRegistry& registry) {
  registry.add({"BlenderbotForConditionalGeneration", "BlenderbotModel"},
               {.summary = "Blenderbot", .build = build, .stored_name = bart_stored_name});
}

}  // namespace inseq::models
