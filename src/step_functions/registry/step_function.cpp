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

}  // namespace inseq::step_functions
