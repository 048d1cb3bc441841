#pragma once
#include <map>
#include <string>

#include "inseq/attribution_model.h"

namespace inseq::test {

/// Options that make a method's work short, of those that it has.
inline Json few_repetitions(const std::string& method) {
  const std::map<std::string, int> few = {
      {"n_steps", 2}, {"n_samples", 3}, {"num_probes", 2}, {"max_probe_steps", 4}};
  Json out = Json::object();
  for (const Listed& listed : list_methods()) {
    if (listed.name != method) continue;
    for (const Json& option : listed.details.at("options")) {
      const auto found = few.find(option.at("name").get<std::string>());
      if (found != few.end()) out[found->first] = found->second;
    }
  }
  return out;
}

}  // namespace inseq::test
