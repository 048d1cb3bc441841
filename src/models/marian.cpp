// Marian (Junczys-Dowmunt et al. 2018), the OPUS-MT translators: norms after each block, sinusoidal
// positions; source and target may have vocabularies of their own.
#include "models/stack/architecture.h"
#include "models/stack/bart_form.h"

namespace inseq::models {
namespace {

std::unique_ptr<LanguageModel> build(const Config& config, const Weights& weights) {
  return build_bart_form(config, weights, {.positions = BartPositions::kMarian});
}

}  // namespace

void register_marian(ArchitectureRegistry& registry) {
  registry.add({"MarianMTModel", "MarianModel"}, {.summary = "Marian, the OPUS-MT translators",
                                                  .build = build,
                                                  .stored_name = bart_stored_name});
}

}  // namespace inseq::models
