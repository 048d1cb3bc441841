// inseq attribute: explains texts with a model.
#include <cstdio>
#include <iomanip>

#include "aggregation/aggregate.h"
#include "base/display_width.h"
#include "base/memory.h"
#include "commands.h"
#include "inseq/attribution_model.h"
#include "io/file.h"
#include "log.h"
#include "methods/registry/method.h"
#include "options.h"
#include "progress_bar.h"

namespace inseq::cli {
namespace {

LoadOptions load_options(const Values& values) {
  LoadOptions options;
  options.dtype = values.text("dtype", options.dtype);
  options.device = values.text("device", options.device);
  options.model_kwargs = values.json("model_kwargs");
  options.tokenizer_kwargs = values.json("tokenizer_kwargs");
  const int64_t threads = values.number("threads", 0);
  if (values.has("threads") && (threads < 1 || threads > 1024)) {
    throw UsageError(concat("--threads needs a number from 1 to 1024, got ", threads));
  }
  options.threads = static_cast<int>(threads);
  return options;
}

/// Inseq hands attribution_kwargs to attribute(), whose own parameters may stand there too.
bool take_flag(Json& kwargs, const char* name, bool fallback) {
  if (!kwargs.contains(name)) return fallback;
  const Json value = kwargs[name];
  kwargs.erase(name);
  INSEQ_CHECK(value.is_boolean(), InvalidOption, "attribution option \"", name, "\" is ",
              value.dump(), ", needed is true or false");
  return value.get<bool>();
}

int64_t memory_limit_of(const std::string& text) {
  try {
    return parse_bytes(text);
  } catch (const InvalidArgument& error) {
    throw UsageError(concat("--memory_limit: ", error.what()));
  }
}

AttributeOptions attribute_options_of(const Values& values) {
  AttributeOptions o;
  o.method = values.text("attribution_method", o.method);
  o.attributed_fn = values.text("attributed_fn", o.attributed_fn);
  o.step_scores = values.texts("step_scores");
  if (values.has("start_pos")) o.attr_pos_start = values.number("start_pos", 0);
  if (values.has("end_pos")) o.attr_pos_end = values.number("end_pos", 0);
  o.output_step_attributions = values.flag("output_step_attributions");
  o.attribute_target = values.flag("attribute_target");
  o.generate_from_target_prefix = values.flag("generate_from_target_prefix");
  o.include_eos_baseline = values.flag("include_eos_baseline");
  o.batch_size = values.number("batch_size", o.batch_size);
  if (o.batch_size < 1)
    throw UsageError(concat("--batch_size needs a number of at least 1, got ", o.batch_size));
  o.generation_args = values.json("generation_kwargs");
  o.attribution_args = values.json("attribution_kwargs");
  o.skip_special_tokens = take_flag(o.attribution_args, "skip_special_tokens", false);
  o.clean_special_chars = take_flag(o.attribution_args, "clean_special_chars", false);
  o.engine = values.text("engine", o.engine);
  if (values.has("memory_limit")) o.memory_limit = memory_limit_of(values.text("memory_limit"));
  // Hidden units are kept only when they will be saved; those of single steps are not aggregated.
  const bool aggregated = values.flag("aggregate_output") &&
                          !values.has("attribution_aggregators") && !o.output_step_attributions;
  o.granular = values.has("save_path") && !aggregated;
  return o;
}

/// Options that only change what is saved, and how. Inseq ignores them in silence where they have
/// no effect.
void warn_of_saving(const Values& values) {
  const bool aggregators = values.has("attribution_aggregators");
  for (const char* name :
       {"attribution_aggregators", "attribution_selectors", "aggregate_output",
        "normalize_attributions", "rescale_attributions", "output_step_attributions"}) {
    if (values.given(name) && !values.has("save_path"))
      log_warning(concat("--", name, " only concerns what is saved; there is no --save_path"));
  }
  if (!values.has("save_path")) return;
  for (const std::string& name : values.texts("attribution_aggregators")) {
    if (name == "spans")
      log_warning("the aggregator spans has no effect: only the library can be given spans");
  }
  for (const char* name : {"normalize_attributions", "rescale_attributions"}) {
    if (values.given(name) && !aggregators)
      log_warning(concat("--", name, " has no effect without --attribution_aggregators"));
  }
  if (values.given("rescale_attributions") && aggregators && !values.has("attribution_selectors"))
    log_warning("--rescale_attributions has no effect without --attribution_selectors");
}

/// What Inseq would warn of, it says here too, and more.
void warn_of_what_has_no_effect(const Values& values, const AttributeOptions& options,
                                bool has_encoder) {
  for (const char* name : {"attribute_target", "generate_from_target_prefix"}) {
    if (values.flag(name) && !has_encoder)
      log_warning(
          concat("--", name, " is for encoder-decoder models and has no effect on this one"));
  }
  const bool continued = values.flag("generate_from_target_prefix") && has_encoder;
  if (values.has("generated_texts") && values.has("generation_kwargs") && !continued) {
    log_warning("--generation_kwargs has no effect, since --generated_texts says what to explain");
  }
  if (continued && !values.has("generated_texts"))
    log_warning("--generate_from_target_prefix has no effect without --generated_texts");
  const methods::MethodInfo method = methods::methods().at(options.method)->info();
  if (values.has("attributed_fn") && !method.uses_prediction)
    log_warning(concat("--attributed_fn has no effect on the scores of method ", options.method));
  if (options.include_eos_baseline && !method.uses_baseline) {
    log_warning(concat("--include_eos_baseline has no effect on method ", options.method,
                       ", which has no baseline"));
  }
  warn_of_saving(values);
}

void warn_of_length(const AttributionModel& model, const std::vector<std::string>& texts) {
  const std::optional<int64_t> trained = model.trained_length();
  if (!trained) return;
  for (const std::string& text : texts) {
    const auto tokens = static_cast<int64_t>(model.encode(text).size());
    if (tokens > *trained) {
      log_warning(concat("a text of ", tokens, " tokens is longer than the ", *trained,
                         " that the model was trained for; expect it to make little sense of it"));
    }
  }
}

/// What the model wrote, a line for each text.
void print_generated(const AttributionOutput& out) {
  for (const Json& text : out.info.at("generated_texts")) {
    std::printf("Generated: %s\n", printable(text.get<std::string>()).c_str());
  }
  std::puts("");
}

AttributionOutput aggregated_for_saving(const AttributionOutput& out, const Values& values) {
  if (!values.has("attribution_aggregators")) {
    return values.flag("aggregate_output") ? aggregation::aggregate(out) : out;
  }
  aggregation::CommandLineAggregation how;
  how.attribution_aggregators = values.texts("attribution_aggregators");
  how.attribution_selectors = values.numbers("attribution_selectors");
  how.normalize_attributions = values.flag("normalize_attributions");
  how.rescale_attributions = values.flag("rescale_attributions");
  return aggregation::aggregate(out, how);
}

void check_aggregators(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name == "split") throw Unsupported("the aggregator split is not available in this version");
    if (name == "pair" || name == "slices") {
      throw UsageError(concat("the aggregator ", name, " needs ",
                              name == "pair" ? "a second attribution" : "spans of tokens",
                              ", which only the library can be given"));
    }
  }
  aggregation::pipeline_of(names);
}

void check_usage(const Values& values) {
  if (values.texts("input_texts").empty()) {
    throw UsageError(
        "--input_texts is missing: say what to explain, for example: inseq attribute -i \"Hello, "
        "world\"");
  }
  if (values.has("viz_path"))
    throw Unsupported(
        "--viz_path is not available in this version: heat maps are drawn in the terminal only");
  if (values.has("attribution_selectors") && !values.has("attribution_aggregators")) {
    throw UsageError("--attribution_selectors needs --attribution_aggregators, one for each index");
  }
  const size_t selectors = values.numbers("attribution_selectors").size(),
               aggregators = values.texts("attribution_aggregators").size();
  if (selectors > 0 && selectors != aggregators) {
    throw UsageError(concat("--attribution_selectors has ", selectors, " numbers and ",
                            "--attribution_aggregators ", aggregators,
                            " names; each aggregator needs one number"));
  }
  if (values.flag("normalize_attributions") && values.flag("rescale_attributions")) {
    throw UsageError(
        "--normalize_attributions and --rescale_attributions exclude each other; give one of them");
  }
  const Json model_kwargs = values.json("model_kwargs");
  if (values.has("dtype") &&
      (model_kwargs.contains("dtype") || model_kwargs.contains("torch_dtype")))
    throw UsageError("the number type is given by --dtype and by --model_kwargs; give it once");
  check_aggregators(values.texts("attribution_aggregators"));
}

}  // namespace

int attribute(const std::vector<std::string>& arguments) {
  const Values values = parse(attribute_options(), arguments);
  check_usage(values);
  set_verbosity(values.flag("very_verbose") ? 2 : values.flag("verbose") ? 1 : 0);
  AttributeOptions options = attribute_options_of(values);
  ProgressBar bar;
  LoadOptions loading = load_options(values);
  const bool show_progress = take_flag(options.attribution_args, "show_progress", true);
  take_flag(options.attribution_args, "pretty_progress", true);
  if (show_progress) options.progress = loading.progress = bar.callback();
  check_options(options);  // before a model is loaded
  check_options(loading);
  const std::string path = values.text("save_path");
  if (values.has("save_path")) io::check_writable(path);

  log_info(concat("loading ", values.text("model_name_or_path", "the default model")));
  const AttributionModel model = AttributionModel::load(values.text("model_name_or_path"), loading);
  warn_of_what_has_no_effect(values, options, model.is_encoder_decoder());
  const Json about = model.info();
  log_info(concat("loaded ", about.at("model_name").get<std::string>(), " (",
                  about.at("model_class").get<std::string>(), ")"));
  const std::vector<std::string> texts = values.texts("input_texts");
  warn_of_length(model, values.has("generated_texts") ? values.texts("generated_texts") : texts);
  const AttributionOutput out =
      values.has("generated_texts")
          ? model.attribute(texts, values.texts("generated_texts"), options)
          : model.attribute(texts, options);
  bar.finish();
  log_info(
      concat("attributed in ", std::setprecision(3), out.info.at("exec_time").get<double>(), " s"));
  log_debug(out.info.dump(2));
  if (!values.flag("hide_attributions")) {
    if (!values.has("generated_texts") || options.generate_from_target_prefix) print_generated(out);
    std::fputs(to_terminal(out, model).c_str(), stdout);
  }
  std::fflush(stdout);  // before the line on standard error, where both are one
  if (values.has("save_path")) {
    save(aggregated_for_saving(out, values), path);
    std::fprintf(stderr, "Saved attributions to %s\n", printable(path).c_str());
  }
  return 0;
}

}  // namespace inseq::cli
