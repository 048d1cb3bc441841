// The table of options of `inseq attribute`.
#include "options.h"

namespace inseq::cli {

const std::vector<Option>& attribute_options() {
  static const std::vector<Option> options = {
      {"input_texts", {"-i"}, Kind::kTexts, "", "One or more texts to continue and explain."},
      {"generated_texts", {"-g"}, Kind::kTexts, "",
       "One text for each input text, beginning with it: explained instead of a text that the model generates."},
      {"model_name_or_path", {"-m"}, Kind::kText, "the default model",
       "A model folder, a .gguf file, or a name on the Hugging Face hub."},
      {"attribution_method", {"-a"}, Kind::kText, "saliency", "How tokens are scored; `inseq methods` lists the ways."},
      {"attributed_fn", {"-fn"}, Kind::kText, "probability",
       "The score of a generated token whose causes are sought; `inseq step-functions` lists them."},
      {"step_scores", {}, Kind::kTexts, "", "Further scores to compute for each generated token."},
      {"start_pos", {"-s"}, Kind::kNumber, "first generated token", "First token position to explain."},
      {"end_pos", {"-e"}, Kind::kNumber, "end of the text", "Position after the last one to explain; negative counts from the end."},
      {"save_path", {"-o"}, Kind::kText, "", "Save the attributions to this file in Inseq's JSON format (.json.gz: compressed)."},
      {"viz_path", {}, Kind::kText, "", "Save the heat map as HTML. Not available in this version."},
      {"hide_attributions", {"--hide"}, Kind::kFlag, "false", "Do not print the heat map."},
      {"generation_kwargs", {}, Kind::kJson, "{}",
       R"(How to generate, as transformers' generate(): '{"max_new_tokens": 20, "do_sample": true}'.)"},
      {"attribution_kwargs", {}, Kind::kJson, "{}", R"(Options of the attribution method: '{"abs": false}'.)"},
      {"model_kwargs", {}, Kind::kJson, "{}", R"(How to load the model: '{"dtype": "bfloat16"}'; other entries override config.json.)"},
      {"tokenizer_kwargs", {}, Kind::kJson, "{}", "How to load the tokenizer; entries override tokenizer_config.json."},
      {"device", {"--dev"}, Kind::kText, "cpu", "cpu, cuda or cuda:N."},
      {"batch_size", {"-bs"}, Kind::kNumber, "8", "Texts generated at once."},
      {"attribution_aggregators", {}, Kind::kTexts, "", "Aggregators applied, in this order, before saving."},
      {"attribution_selectors", {}, Kind::kNumbers, "", "One index of the aggregated axis for each aggregator: only these scores are used."},
      {"normalize_attributions", {}, Kind::kFlag, "false", "Scale each step's scores to a sum of 1 after aggregation."},
      {"rescale_attributions", {}, Kind::kFlag, "false", "Scale scores to a largest absolute value of 1 after aggregation (with selectors)."},
      {"aggregate_output", {}, Kind::kFlag, "false", "Save one score per token and step, by the method's default aggregation."},
      {"output_step_attributions", {}, Kind::kFlag, "false", "Also save the attributions step by step."},
      {"attribute_target", {}, Kind::kFlag, "false",
       "Encoder-decoder models: also attribute to the generated prefix. Decoder-only models always do."},
      {"generate_from_target_prefix", {}, Kind::kFlag, "false",
       "Encoder-decoder models: generated texts are prefixes to continue. Ignored for decoder-only models."},
      {"include_eos_baseline", {"--eos"}, Kind::kFlag, "false", "Let the baseline of methods that have one replace EOS tokens too."},
      {"verbose", {"-v"}, Kind::kFlag, "false", "Say on stderr what is being done."},
      {"very_verbose", {"-vv"}, Kind::kFlag, "false", "Say more."},
      // Not in Inseq.
      {"dtype", {}, Kind::kText, "float32", "Number type of the model: float32, bfloat16, float16, float64, or auto for the checkpoint's own."},
      {"threads", {}, Kind::kNumber, "all cores", "CPU threads."},
      {"memory_limit", {}, Kind::kText, "half of what is free", "Working memory of the attribution, beyond the model and the result: 4GB, 512MiB."},
      {"engine", {}, Kind::kText, "pullback", "pullback, or autograd: the slow reference that it is checked against."},
  };
  return options;
}

}  // namespace inseq::cli
