// Explains what a model generates: a heat map, then the token that mattered most for each generated
// one.
//   explain [model folder or .gguf file] [text]        (without a model: the default one)
#include <inseq/attribution_model.h>
#include <inseq/process_memory.h>

#include <cstdio>
#include <string>

namespace {

/// Prints each generated token after the earlier one with the greatest score.
void print_strongest(const inseq::AttributionModel& model,
                     const inseq::SequenceAttribution& sequence) {
  const inseq::Tensor scores = sequence.target_attributions.nan_to_num(-1);  // [target, steps]
  for (int64_t step = 0; step < scores.size(1); ++step) {
    const auto strongest = scores.select(1, step).argmax().item<int64_t>();
    const inseq::Token& generated = sequence.target.at(sequence.attr_pos_start + step);
    std::printf("%12s  <-  %s\n", model.readable(generated).c_str(),
                model.readable(sequence.target.at(strongest)).c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  inseq::prepare_process_memory();
  const std::string name = argc > 1 ? argv[1] : "";
  const std::string text = argc > 2 ? argv[2] : "The Eiffel Tower is located in the city of";
  try {
    const auto model = inseq::AttributionModel::load(name);
    const inseq::AttributionOutput output =
        model.attribute({text}, {.method = "saliency", .generation_args = {{"max_new_tokens", 8}}});
    std::puts(inseq::to_terminal(output, model).c_str());
    // The raw output holds a score per hidden unit: aggregate() makes it one per token and step.
    for (const auto& sequence : inseq::aggregate(output).sequences) {
      print_strongest(model, sequence);
    }
  } catch (const inseq::Error& error) {
    std::fprintf(stderr, "explain: %s\n", error.what());
    return 1;
  }
}
