// No attribution: step scores alone.
#include "methods/registry/method.h"

namespace inseq::methods {
namespace {

class Dummy : public Method {
 public:
  MethodInfo info() const override {
    return {.kind = AttributionKind::kPlain,
            .family = "none",
            .summary = "no attribution; for step scores alone",
            .paper = "",
            .uses_prediction = false};
  }
  engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                           const Json&) const override {
    return engine.scores(question);
  }
};

}  // namespace

void register_dummy(MethodRegistry& registry) { registry.add<Dummy>("dummy"); }

}  // namespace inseq::methods
