#pragma once
#include <ATen/core/Tensor.h>

#include <string>

#include "base/option_info.h"
#include "base/registry.h"

namespace inseq::step_functions {

using Tensor = at::Tensor;

/// What a step function sees: the model's prediction at each step and the token that came.
struct StepInputs {
  Tensor logits;      // [steps, vocab], float32 or wider
  Tensor target_ids;  // [steps] int64
  Json options;       // a value for each of the function's options
};

/// One score per step ([steps]), from plain tensor operations: autograd takes it back to the
/// logits.
using Function = Tensor (*)(const StepInputs&);

struct StepFunction {
  Function function;
  std::string summary;           ///< one line for `inseq step-functions`
  std::string unit;              ///< "nats", "1", "logits"
  std::string span_aggregation;  ///< how several tokens' scores become one: "prod", "sum"; ""
                                 ///< takes the one that is largest without its sign
  std::vector<OptionInfo> options = {};
};

/// A step function with values for its options.
struct BoundFunction {
  Function function = nullptr;
  Json options = Json::object();
  Tensor operator()(const Tensor& logits, const Tensor& target_ids) const {
    return function({logits, target_ids, options});
  }
};

/// Step functions by name.
class StepFunctionRegistry : public NamedRegistry<StepFunction, InvalidOption> {
 public:
  StepFunctionRegistry() : NamedRegistry("step function", "inseq step-functions") {}
};

/// The function of that name with the values that `given` holds for its options; other entries are
/// left alone.
BoundFunction bind(const std::string& name, const Json& given = Json::object());

/// All step functions of this build.
const StepFunctionRegistry& step_functions();

/// Defined by the build: calls register_<file> for every file of src/step_functions.
void register_all(StepFunctionRegistry& registry);

}  // namespace inseq::step_functions
