// What there is, for listings.
#include "methods/registry/method.h"
#include "models/stack/architecture.h"

#include "inseq/attribution_model.h"

namespace inseq {

std::vector<Listed> list_methods() {
  std::vector<Listed> out;
  for (const std::string& name : methods::methods().names()) {
    const methods::MethodInfo info = methods::methods().at(name)->info();
    out.push_back(
        {name, info.paper.empty() ? info.summary : concat(info.summary, " (", info.paper, ")")});
  }
  return out;
}

std::vector<Listed> list_step_functions() {
  std::vector<Listed> out;
  for (const std::string& name : step_functions::step_functions().names()) {
    const step_functions::StepFunction& f = step_functions::step_functions().at(name);
    out.push_back({name, f.unit == "1" ? f.summary : concat(f.summary, ", in ", f.unit)});
  }
  return out;
}

std::vector<Listed> list_models() {
  std::vector<Listed> out;
  for (const auto& [name, architecture] : models::architectures().all())
    out.push_back({name, architecture.summary});
  return out;
}

}  // namespace inseq
