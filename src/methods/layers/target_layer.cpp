#include "methods/layers/target_layer.h"

#include "base/text_distance.h"
#include "inseq/error.h"

namespace inseq::methods {
namespace {

using models::Half;
using models::Tap;

Tap layer_of_number(const models::ModelSizes& sizes, int64_t index) {
  INSEQ_CHECK(index >= -sizes.layers && index < sizes.layers, InvalidArgument,
              "option \"target_layer\" is ", index, ", the ",
              sizes.has_encoder() ? "decoder" : "model", " has layers 0 to ", sizes.layers - 1,
              " (-", sizes.layers, " to -1 from the end)",
              sizes.has_encoder() ? "; layers of the encoder have names" : "");
  return {.layer = index < 0 ? sizes.layers + index : index};
}

Tap layer_of_name(const models::LanguageModel& model, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, tap] : model.taps()) {
    if (known == name) return tap;
    names.push_back(known);
  }
  throw InvalidArgument(concat("the model has no layer \"", name,
                               "\" whose output can be explained", did_you_mean(name, names),
                               " (there are ", names.front(), ", …, ", names.back(),
                               ": layers, their attention and their feed-forward blocks; without "
                               "\"target_layer\" the input embeddings are explained)"));
}

}  // namespace

OptionInfo target_layer_option() {
  return {.name = "target_layer",
          .fallback = nullptr,
          .summary =
              "the layer whose output is explained: a number (of the decoder), or a module's name "
              "such as \"model.layers.3.mlp\"; null: the input embeddings",
          .type = Json::value_t::discarded};
}

engine::Question at_layer(const engine::Engine& engine, const engine::Question& question,
                          const Json& target_layer) {
  engine::Question out = question;
  if (target_layer.is_null()) return out;
  INSEQ_CHECK(target_layer.is_number_integer() || target_layer.is_string(), InvalidArgument,
              "option \"target_layer\" is ", target_layer.dump(),
              ", needed is a layer's number or a module's name");
  const models::LanguageModel& model = engine.model();
  out.layer = target_layer.is_string()
                  ? layer_of_name(model, target_layer.get<std::string>())
                  : layer_of_number(model.sizes(), target_layer.get<int64_t>());
  if (!question.ids.source.defined()) return out;
  // A target that is not to be attributed is its own baseline. Beyond that it does not matter what
  // is: a layer has the hidden states of one half alone.
  if (!question.attribute_target && question.baseline_ids.target.defined())
    out.baseline_ids.target = question.ids.target;
  out.attribute_target = out.layer->half == Half::kDecoder;
  return out;
}

}  // namespace inseq::methods
