// Sequential integrated gradients (Enguehard 2023): integrated gradients of one token at a time,
// the others as they are.
#include "methods/paths/straight_line.h"
#include "methods/registry/method.h"

namespace inseq::methods {
namespace {

class SequentialIntegratedGradients : public Method {
 public:
  MethodInfo info() const override {
    return {.kind = AttributionKind::kGranular,
            .family = "gradient",
            .summary = "integrated gradients of one token at a time, the others as they are",
            .paper = "Enguehard 2023, arXiv:2305.15853",
            .uses_baseline = true,
            .options = {{"n_steps", 50, "points on the line of each token", {}, 1, 100000},
                        rule_option(),
                        points_at_once_option(),
                        multiplied_option(),
                        deltas_option()}};
  }
  engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                           const Json& options) const override {
    check_baselines(question, "sequential_integrated_gradients");
    const Quadrature rule =
        quadrature(options.at("method").get<std::string>(), options.at("n_steps").get<int64_t>());
    const bool multiplied = options.at("multiply_by_inputs").get<bool>();
    engine::Answer answer = engine.gradients_by_token(
        question,
        {.points = static_cast<int64_t>(rule.points.size()),
         .points_at_once = points_at_once(options),
         .point = [&](const engine::Inputs& inputs, engine::TokenAt token, int64_t i) {
           const auto row = [&](const Sides& of) {
             return (token.source ? of.source : of.target)[token.position];
           };
           const Tensor from = row(inputs.baselines), change = row(inputs.embeddings) - from;
           const double alpha = rule.points[static_cast<size_t>(i)];
           const double weight = rule.weights[static_cast<size_t>(i)];
           return engine::TokenPoint{
               from + alpha * change,
               multiplied ? weight * change : at::scalar_tensor(weight, change.options())};
         }});
    add_deltas(engine, question, options, answer);
    return answer;
  }
};

}  // namespace

void register_sequential_integrated_gradients(MethodRegistry& registry) {
  registry.add<SequentialIntegratedGradients>("sequential_integrated_gradients");
}

}  // namespace inseq::methods
