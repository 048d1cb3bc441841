// Scores of the target token under the model's prediction.
#include "step_functions/registry/step_function.h"

namespace inseq::step_functions {
namespace {

Tensor at_target(const Tensor& values, const StepInputs& in) {
  return values.gather(-1, in.target_ids.unsqueeze(-1)).squeeze(-1);
}

/// The target token's logit: [steps].
Tensor logit(const StepInputs& in) { return at_target(in.logits, in); }

/// The target token's probability, or its logarithm: [steps].
Tensor probability(const StepInputs& in) {
  return at_target(
      in.options.at("logprob").get<bool>() ? in.logits.log_softmax(-1) : in.logits.softmax(-1), in);
}

}  // namespace

void register_prediction(StepFunctionRegistry& registry) {
  registry.add("logit", {logit, "the target token's logit", "logits", ""});
  registry.add("probability", {probability,
                               "the target token's probability",
                               "1",
                               "prod",
                               {{"logprob", false, "its natural logarithm instead"}}});
}

}  // namespace inseq::step_functions
