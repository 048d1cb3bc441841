// Scores of how surprising the target token is, or how uncertain the model was.
#include <numbers>

#include "step_functions/registry/step_function.h"

namespace inseq::step_functions {
namespace {

/// Entropy of the prediction in nats: [steps].
Tensor entropy(const StepInputs& in) {
  const Tensor log_p = in.logits.log_softmax(-1);  // [steps, vocab]
  return -(log_p.exp() * log_p).sum(-1);
}

/// Cross-entropy of the target token in nats: [steps].
Tensor crossentropy(const StepInputs& in) {
  const Tensor log_p = in.logits.log_softmax(-1);  // [steps, vocab]
  return -log_p.gather(-1, in.target_ids.unsqueeze(-1)).squeeze(-1);
}

/// Two to the power of the cross-entropy in nats, as Inseq computes it: [steps]. The usual
/// definition would take e to that power; agreement is worth more here (docs/parity.md).
Tensor perplexity(const StepInputs& in) { return (crossentropy(in) * std::numbers::ln2).exp(); }

}  // namespace

void register_information(StepFunctionRegistry& registry) {
  registry.add("entropy", {entropy, "uncertainty of the prediction", "nats", "sum"});
  registry.add("crossentropy", {crossentropy, "surprise of the target token", "nats", "sum"});
  registry.add(
      "perplexity",
      {perplexity, "2 to the power of the cross-entropy in nats, as in Inseq", "1", "prod"});
}

}  // namespace inseq::step_functions
