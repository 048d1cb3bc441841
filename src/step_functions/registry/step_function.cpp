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

BoundFunction bind(const std::string& name, const Json& given) {
  const StepFunction& entry = step_functions().at(name);
  return {entry.function,
          complete_options(entry.options, given, concat("step function \"", name, "\""))};
}

}  // namespace inseq::step_functions
