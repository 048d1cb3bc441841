// Attention weights (Bahdanau et al. 2014) of every layer and head.
#include "methods/registry/method.h"

namespace inseq::methods {
namespace {

class Attention : public Method {
 public:
  MethodInfo info() const override {
    return {.kind = AttributionKind::kMultiDimensional,
            .family = "internals",
            .summary = "attention weights of every layer and head",
            .paper = "Bahdanau et al. 2014, arXiv:1409.0473",
            .num_dimensions = 2,
            .uses_prediction = false};
  }
  engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                           const Json&) const override {
    return engine.attention(question);
  }
};

}  // namespace

void register_attention(MethodRegistry& registry) { registry.add<Attention>("attention"); }

}  // namespace inseq::methods
