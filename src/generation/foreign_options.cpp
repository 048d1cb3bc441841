#include "generation/option_rules.h"

namespace inseq::generation {

const std::vector<ForeignOption>& foreign_options() {
  static const std::vector<ForeignOption> options = {
      {"num_beam_groups", 1, "group beam search is not supported"},
      {"diversity_penalty", 0, "group beam search is not supported"},
      {"constraints", nullptr, "constrained beam search is not supported"},
      {"force_words_ids", nullptr, "constrained beam search is not supported"},
      {"penalty_alpha", 0, "contrastive search is not supported"},
      {"dola_layers", nullptr, "DoLa decoding is not supported"},
      {"guidance_scale", 1, "classifier-free guidance is not supported"},
      {"use_mtp", false, "multi-token prediction is not supported"},
      {"prompt_lookup_num_tokens", nullptr, "assisted decoding is not supported"},
      {"assistant_early_exit", nullptr, "assisted decoding is not supported"},
      {"is_assistant", false, "assisted decoding is not supported"},
      {"speculation_type", nullptr, "assisted decoding is not supported"},
      {"max_time", nullptr, "time limits are not supported (max_new_tokens limits the length)"},
      {"stop_strings", nullptr,
       "stop strings are not supported (eos_token_id takes the tokens that end a text)"},
      {"sequence_bias", nullptr,
       "it is not supported (bad_words_ids forbids sequences altogether)"},
      {"encoder_repetition_penalty", 1, "it is not supported (repetition_penalty is)"},
      {"encoder_no_repeat_ngram_size", 0, "it is not supported (no_repeat_ngram_size is)"},
      {"token_healing", false, "token healing is not supported"},
      {"watermarking_config", nullptr, "watermarks are not supported"},
      {"continuous_batching_config", nullptr, "continuous batching is not supported"},
  };
  return options;
}

const std::vector<std::string>& ignored_options() {
  static const std::vector<std::string> names = {
      // Outputs, caches and speed.
      "return_dict_in_generate", "output_scores", "output_logits", "output_attentions",
      "output_hidden_states", "use_cache", "cache_implementation", "cache_config", "max_cache_len",
      "compile_config", "disable_compile", "low_memory", "prefill_chunk_size",
      // Book-keeping.
      "transformers_version", "_from_model_config", "_commit_hash",
      // Assistants: without them these do nothing in transformers either.
      "num_assistant_tokens", "num_assistant_tokens_schedule", "assistant_confidence_threshold",
      "assistant_lookbehind", "target_lookbehind", "max_matching_ngram_size",
      "assistant_ensemble_weight"};
  return names;
}

}  // namespace inseq::generation
