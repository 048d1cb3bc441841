// T5 (Raffel et al. 2020), T5 1.1 and Flan-T5: RMS norms before each block, relative position
// biases.
#include "models/stack/architecture.h"
#include "models/stack/t5_form.h"

namespace inseq::models {
namespace {

std::unique_ptr<LanguageModel> build(const Config& config, const Weights& weights) {
  return build_t5_form(config, weights, {});
}

}  // namespace

void register_t5(ArchitectureRegistry& registry) {
  registry.add({"T5ForConditionalGeneration", "T5WithLMHeadModel", "T5Model"},
               {.summary = "T5, T5 1.1, Flan-T5", .build = build});
}

}  // namespace inseq::models
