#include "step_functions/registry/step_function.h"

namespace inseq::step_functions {

const StepFunctionRegistry& step_functions() {
  static const StepFunctionRegistry registry = [] {
    StepFunctionRegistry all;
    register_all(all);
    return all;
  }();
  return registry;
}

namespace {

/// Step functions of Inseq that this version lacks.
void refuse_missing(const std::string& name) {
  for (const char* missing :
       {"contrast_logits", "contrast_logits_diff", "contrast_prob", "contrast_prob_diff",
        "in_context_pvi", "kl_divergence", "mc_dropout_prob_avg", "pcxmi", "top_p_size"}) {
    if (name == missing)
      throw Unsupported(concat("the step function ", name,
                               " is not available in this version (inseq step-functions lists all "
                               "that are)"));
  }
}

}  // namespace

BoundFunction bind(const std::string& name, const Json& given) {
  refuse_missing(name);
  const StepFunction& entry = step_functions().at(name);
  return {entry.function,
          complete_options(entry.options, given, concat("step function \"", name, "\""))};
}

}  // namespace inseq::step_functions
