// mT5 (Xue et al. 2021): T5 1.1 on 101 languages. Its head is never scaled.
#include "models/stack/architecture.h"
#include "models/stack/t5_form.h"

namespace inseq::models {
namespace {

std::unique_ptr<LanguageModel> build(const Config& config, const Weights& weights) {
  return build_t5_form(config, weights,
                       {.feed_forward = "gated-gelu",
                        .heads = 6,
                        .layers = 8,
                        .inner = 1024,
                        .logit_scale = T5LogitScale::kNever});
}

}  // namespace

void register_mt5(ArchitectureRegistry& registry) {
  registry.add({"MT5ForConditionalGeneration", "MT5Model"}, {.summary = "mT5", .build = build});
}

}  // namespace inseq::models
