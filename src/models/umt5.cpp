// UMT5 (Chung et al. 2023): mT5 with a relative position bias in every layer.
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
                        .bias = T5Bias::kEveryLayer,
                        .logit_scale = T5LogitScale::kWhenTied});
}

}  // namespace

void register_umt5(ArchitectureRegistry& registry) {
  registry.add({"UMT5ForConditionalGeneration", "UMT5Model"}, {.summary = "UMT5", .build = build});
}

}  // namespace inseq::models
