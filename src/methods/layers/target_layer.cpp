#include "methods/layers/target_layer.h"

#include "base/text_distance.h"
#include "inseq/error.h"

namespace inseq::methods {

OptionInfo target_layer_option() {
  return {.name = "target_layer",
          .fallback = nullptr,
          .summary =
              "the layer whose output is explained: a number, or a module's name such as "
              "\"model.layers.3.mlp\"; null: the input embeddings",
          .type = Json::value_t::discarded};
}

engine::Question at_layer(const engine::Engine& engine, const engine::Question& question,
                          const Json& target_layer) {
  engine::Question out = question;
  if (target_layer.is_null()) return out;
  const auto taps = engine.model().taps();
  INSEQ_CHECK(!taps.empty(), Unsupported, "option \"target_layer\" is ", target_layer.dump(),
              ", but inner layers of models with an encoder cannot be explained yet; leave it out "
              "to explain the input embeddings");
  if (target_layer.is_number_integer()) {
    const auto index = target_layer.get<int64_t>(), layers = engine.model().sizes().layers;
    INSEQ_CHECK(index >= -layers && index < layers, InvalidArgument, "option \"target_layer\" is ",
                index, ", the model has layers 0 to ", layers - 1);
    out.layer = models::Tap{.layer = index < 0 ? layers + index : index};
    return out;
  }
  INSEQ_CHECK(target_layer.is_string(), InvalidArgument, "option \"target_layer\" is ",
              target_layer.dump(), ", needed is a layer's number or a module's name");
  const std::string name = target_layer.get<std::string>();
  std::vector<std::string> names;
  for (const auto& [known, tap] : taps) {
    if (known == name) out.layer = tap;
    names.push_back(known);
  }
  INSEQ_CHECK(out.layer.has_value(), InvalidArgument, "the model has no layer \"", name,
              "\" whose output can be explained", did_you_mean(name, names), " (there are ",
              names.front(), ", …, ", names.back(),
              ": layers, their attention and their "
              "feed-forward blocks)");
  return out;
}

}  // namespace inseq::methods
