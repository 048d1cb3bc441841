#pragma once
#include <memory>
#include <nlohmann/json.hpp>

#include "base/option_info.h"
#include "base/registry.h"
#include "engine/engine.h"
#include "inseq/attribution.h"

namespace inseq::methods {

/// What is known about a method without running it.
struct MethodInfo {
  AttributionKind kind;
  std::string family;          ///< "gradient", "internals", "perturbation", "none"
  std::string summary;         ///< one line for `inseq methods`
  std::string paper;           ///< where it was proposed
  bool uses_baseline = false;  ///< needs an unknown token, which not every model has
  std::vector<OptionInfo> options = {};
  int64_t num_dimensions = 0;   ///< trailing axes of a multi-dimensional attribution
  bool uses_prediction = true;  ///< false: the attributed function does not matter
};

/// An attribution method: what it asks the engine, and what it makes of the answer.
class Method {
 public:
  virtual ~Method() = default;
  virtual MethodInfo info() const = 0;
  /// `options` holds a value for every option of info(), of the right type.
  virtual engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                                   const Json& options) const = 0;
};

/// Methods by Inseq's names.
class MethodRegistry : public NamedRegistry<std::shared_ptr<const Method>, InvalidOption> {
 public:
  MethodRegistry() : NamedRegistry("attribution method", "inseq methods") {}
  template <typename Kind>
  void add(const std::string& name) {
    NamedRegistry::add(name, std::make_shared<const Kind>());
  }
};

/// All methods of this build.
const MethodRegistry& methods();

/// Defined by the build: calls register_<file> for every file of src/methods.
void register_all(MethodRegistry& registry);

}  // namespace inseq::methods
