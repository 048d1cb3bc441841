// LED (Beltagy et al. 2020), in its short form: BART whose encoder sees a window of tokens around
// each. Sources that fit the window are read as BART reads them; longer ones are refused.
#include "inseq/error.h"
#include "models/stack/architecture.h"
#include "models/stack/bart_form.h"

namespace inseq::models {
namespace {

/// The longest source of which every token sees every other, in tokens.
int64_t longest_source(const Config& config) {
  int64_t window = 512;
  if (config.has("attention_window")) {
    const std::vector<int64_t> windows = config.ids("attention_window");  // one, or one per layer
    INSEQ_CHECK(!windows.empty() && std::ranges::min(windows) >= 2, FormatError, config.path(),
                ": \"attention_window\" is ", config.json().at("attention_window").dump(),
                ", needed is a whole number of at least 2, or a list of them");
    window = std::ranges::min(windows);
  }
  return window / 2 + 1;  // a window reaches half of its size to each side
}

std::unique_ptr<LanguageModel> build(const Config& config, const Weights& weights) {
  const std::string attention = "longformer_self_attn.";
  return build_bart_form(
      config, weights,
      {.encoder_norm = EmbeddingNorm::kAfterPositions,
       .decoder_norm = EmbeddingNorm::kAfterPositions,
       .positions = BartPositions::kLearned,
       .scale_embedding = std::nullopt,
       .prefix = "led.",
       .encoder_attention = {attention + "query", attention + "key", attention + "value", "output"},
       .max_source_positions = longest_source(config)});
}

}  // namespace

void register_led(ArchitectureRegistry& registry) {
  registry.add({"LEDForConditionalGeneration"},
               {.summary = "LED, for sources within its attention window", .build = build});
}

}  // namespace inseq::models
