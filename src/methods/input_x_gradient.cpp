// Input times gradient (Shrikumar et al. 2016).
#include "methods/registry/method.h"

namespace inseq::methods {
namespace {

class InputXGradient : public Method {
 public:
  MethodInfo info() const override {
    return {.kind = AttributionKind::kGranular,
            .family = "gradient",
            .summary = "embeddings times the gradient of the score",
            .paper = "Shrikumar et al. 2016, arXiv:1605.01713"};
  }
  engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                           const Json&) const override {
    return engine.gradients(question, {.point = [](const engine::Inputs& inputs, int64_t) {
                              return engine::PathPoint{inputs.embeddings, inputs.embeddings};
                            }});
  }
};

}  // namespace

void register_input_x_gradient(MethodRegistry& registry) {
  registry.add<InputXGradient>("input_x_gradient");
}

}  // namespace inseq::methods
