// Explains a sentence with a model: which tokens mattered for each generated one.
//   explain [model folder or .gguf file] [text]      (without a model: the default one, as `inseq` uses)
#include <inseq/attribution_model.h>

#include <cstdio>
#include <string>

namespace {

/// Prints each generated token with the earlier token that mattered most for it.
void print_strongest(const inseq::SequenceAttribution& sequence) {
  const inseq::Tensor scores = sequence.target_attributions;  // [target, steps]
  for (int64_t step = 0; step < scores.size(1); ++step) {
    const int64_t best = scores.select(1, step).nan_to_num(-1).argmax().item<int64_t>();
    const inseq::Token& generated = sequence.target[sequence.attr_pos_start + step];
    std::printf("%-16s <- %s\n", generated.text.c_str(), sequence.target[best].text.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "";
  const std::string text = argc > 2 ? argv[2] : "The Eiffel Tower is located in the city of";
  try {
    const inseq::AttributionModel model = inseq::AttributionModel::load(name);
    const inseq::AttributionOutput output = inseq::aggregate(model.attribute({text}, {.method = "saliency"}));
    for (const inseq::SequenceAttribution& sequence : output.sequences) print_strongest(sequence);
  } catch (const inseq::Error& error) {
    std::fprintf(stderr, "explain: %s\n", error.what());
    return 1;
  }
}
