// DeepLIFT (Shrikumar et al. 2017) with the rescale rule: differences to a baseline are shared out
// in place of gradients.
#include "methods/layers/target_layer.h"
#include "methods/paths/straight_line.h"
#include "methods/registry/method.h"

namespace inseq::methods {
namespace {

class DeepLift : public Method {
 public:
  MethodInfo info() const override {
    return {
        .kind = AttributionKind::kGranular,
        .family = "gradient",
        .summary = "difference to a baseline, shared out by the rescale rule",
        .paper = "Shrikumar et al. 2017, arXiv:1704.02685",
        .uses_baseline = true,
        .options = {
            {.name = "rescale",
             .fallback = "captum",
             .summary = "\"captum\": where Captum applies the rule (ReLU, leaky ReLU, sigmoid and "
                        "tanh modules); \"all\": at every activation, gate, norm and attention "
                        "weight, too",
             .choices = {"captum", "all"}},
            multiplied_option(),
            deltas_option()}};
  }
  engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                           const Json& options) const override {
    check_baselines(question, "deeplift");
    const bool multiplied = options.at("multiply_by_inputs").get<bool>();
    const engine::Question asked =
        at_layer(engine, question, options.value("target_layer", Json()));
    engine::Answer answer = engine.gradients(
        asked,
        {.point = [&](const engine::Inputs& inputs,
                      int64_t) { return point_between(asked, inputs, 1.0, 1.0, multiplied); },
         .rule = options.at("rescale") == "all" ? engine::Rule::kRescaleAll
                                                : engine::Rule::kRescaleAsCaptum});
    add_deltas(engine, asked, options, answer);
    return answer;
  }
};

class LayerDeepLift : public DeepLift {
 public:
  MethodInfo info() const override {
    MethodInfo info = DeepLift::info();
    info.summary = "difference of a layer's output to a baseline's, shared out by the rescale rule";
    info.options.insert(info.options.begin(), target_layer_option());
    return info;
  }
};

}  // namespace

void register_deeplift(MethodRegistry& registry) {
  registry.add<DeepLift>("deeplift");
  registry.add<LayerDeepLift>("layer_deeplift");
}

}  // namespace inseq::methods
