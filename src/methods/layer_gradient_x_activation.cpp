// A layer's output times its gradient.
#include "methods/layers/target_layer.h"
#include "methods/registry/method.h"

namespace inseq::methods {
namespace {

class LayerGradientXActivation : public Method {
 public:
  MethodInfo info() const override {
    return {.kind = AttributionKind::kGranular,
            .family = "gradient",
            .summary = "a layer's output times the gradient of the score with respect to it",
            .paper = "Shrikumar et al. 2016, arXiv:1605.01713",
            .options = {target_layer_option(),
                        {"multiply_by_inputs", true, "times the layer's output"}}};
  }
  engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                           const Json& options) const override {
    const bool multiplied = options.at("multiply_by_inputs").get<bool>();
    return engine.gradients(at_layer(engine, question, options.at("target_layer")),
                            {.point = [multiplied](const engine::Inputs& inputs, int64_t) {
                              return engine::PathPoint{inputs.embeddings, multiplied
                                                                              ? inputs.embeddings
                                                                              : engine::Sides{}};
                            }});
  }
};

}  // namespace

void register_layer_gradient_x_activation(MethodRegistry& registry) {
  registry.add<LayerGradientXActivation>("layer_gradient_x_activation");
}

}  // namespace inseq::methods
