// Saliency (Simonyan et al. 2013): the gradient of the score with respect to the input embeddings.
#include "methods/registry/method.h"

namespace inseq::methods {
namespace {

class Saliency : public Method {
 public:
  MethodInfo info() const override {
    return {.kind = AttributionKind::kGranular,
            .family = "gradient",
            .summary = "absolute gradient of the score with respect to the embeddings",
            .paper = "Simonyan et al. 2013, arXiv:1312.6034",
            .options = {{"abs", true, "take absolute values"}}};
  }
  engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                           const Json& options) const override {
    return engine.gradients(question, {.absolute = options.at("abs").get<bool>()});
  }
};

}  // namespace

void register_saliency(MethodRegistry& registry) { registry.add<Saliency>("saliency"); }

}  // namespace inseq::methods
