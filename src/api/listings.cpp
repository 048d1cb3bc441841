// What there is, for listings.
#include "methods/registry/method.h"
#include "models/stack/architecture.h"

#include "inseq/attribution_model.h"

namespace inseq {

std::vector<Listed> list_methods() {
  std::vector<Listed> out;
  for (const std::string& name : methods::methods().names()) {
    const methods::MethodInfo info = methods::methods().at(name)->info();
    out.push_back({name,
                   info.paper.empty() ? info.summary : concat(info.summary, " (", info.paper, ")"),
                   {{"name", name},
                    {"family", info.family},
                    {"summary", info.summary},
                    {"needs", info.uses_baseline ? "a baseline (unknown tokens)" : ""},
                    {"uses_attributed_function", info.uses_prediction},
                    {"options", to_json(info.options)},
                    {"paper", info.paper}}});
  }
  return out;
}

std::vector<Listed> list_step_functions() {
  std::vector<Listed> out;
  for (const std::string& name : step_functions::step_functions().names()) {
    const step_functions::StepFunction& f = step_functions::step_functions().at(name);
    out.push_back({name,
                   f.unit == "1" ? f.summary : concat(f.summary, ", in ", f.unit),
                   {{"name", name},
                    {"summary", f.summary},
                    {"unit", f.unit},
                    {"options", to_json(f.options)}}});
  }
  return out;
}

std::vector<Listed> list_models() {
  std::vector<Listed> out;
  for (const auto& [name, architecture] : models::architectures().all())
    out.push_back({name,
                   architecture.summary,
                   {{"class", name},
                    {"summary", architecture.summary},
                    {"gguf_architectures", architecture.gguf_architectures}}});
  return out;
}

}  // namespace inseq
