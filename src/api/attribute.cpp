// AttributionModel::attribute: from texts to an AttributionOutput.
#include <chrono>

#include "api/parts.h"
#include "base/text_distance.h"
#include "base/utf8.h"
#include "data/attribution_axes.h"
#include "methods/registry/method.h"

namespace inseq {
namespace {

/// Everything that is the same for all texts.
struct Request {
  const methods::Method* method;
  methods::MethodInfo method_info;
  Json method_options;
  step_functions::BoundFunction attributed_function;
  std::map<std::string, step_functions::BoundFunction> step_scores;
  engine::Backend backend;
  Json info;  ///< which option went where, as Inseq reports it
};

/// Inseq hands the options to the method, the attributed function and the step scores alike; one
/// that nobody knows is an error here.
void share_options(const AttributeOptions& options, Request& r) {
  const auto known = [](const std::string& function) -> const auto& {
    return step_functions::step_functions().at(function).options;
  };
  std::vector<std::string> names;
  for (const OptionInfo& option : r.method_info.options) names.push_back(option.name);
  for (const OptionInfo& option : known(options.attributed_fn)) names.push_back(option.name);
  r.info = {{"attribution_args", Json::object()},
            {"attributed_fn_args", Json::object()},
            {"step_scores_args", Json::object()}};
  for (const auto& [name, value] : options.attribution_args.items()) {
    bool used = false;
    const auto take = [&](bool is_known, const char* whose) {
      if (is_known) r.info[whose][name] = value;
      used = used || is_known;
    };
    take(has_option(r.method_info.options, name), "attribution_args");
    take(has_option(known(options.attributed_fn), name), "attributed_fn_args");
    for (const std::string& score : options.step_scores)
      take(has_option(known(score), name), "step_scores_args");
    INSEQ_CHECK(used, InvalidOption, "neither method \"", options.method,
                "\" nor the step functions in use have an option \"", name, "\"",
                did_you_mean(name, names),
                names.empty() ? std::string(" (they have none)")
                              : concat(" (they have ", join_choices(names), ")"));
  }
}

Request read_request(const AttributeOptions& options) {
  Request r;
  r.method = methods::methods().at(options.method).get();
  r.method_info = r.method->info();
  r.attributed_function = step_functions::bind(options.attributed_fn, options.attribution_args);
  for (const std::string& name : options.step_scores) {
    r.step_scores[name] = step_functions::bind(name, options.attribution_args);
  }
  share_options(options, r);
  r.method_options = complete_options(r.method_info.options, options.attribution_args,
                                      concat("method \"", options.method, "\""));
  INSEQ_CHECK(options.engine == "pullback" || options.engine == "autograd", InvalidOption,
              "unknown engine \"", options.engine, "\"",
              did_you_mean(options.engine, {"pullback", "autograd"}),
              " (there are pullback and autograd)");
  r.backend =
      options.engine == "autograd" ? engine::Backend::kAutograd : engine::Backend::kPullback;
  return r;
}

/// Positions to explain in a text of `length` tokens whose prompt has `prompt` tokens.
struct Range {
  int64_t first, last;
};

/// Target tokens before `prompt` (a prompt, or the start token) are never explained.
Range positions_to_explain(const AttributeOptions& options, int64_t prompt, int64_t length) {
  const auto absolute = [&](int64_t position, const char* name) {
    const int64_t p = position < 0 ? length + position : position;
    INSEQ_CHECK(p >= 0, InvalidArgument, name, " ", position, " is before the start of the ",
                length, "-token target");
    return p;
  };
  Range range{prompt, length};
  if (options.attr_pos_start) {
    const int64_t start = absolute(*options.attr_pos_start, "attr_pos_start");
    INSEQ_CHECK(start < length, InvalidArgument, "attr_pos_start ", *options.attr_pos_start,
                " is past the end of the ", length, "-token target");
    range.first = std::max(prompt, start);  // the prompt is not explained
  }
  if (options.attr_pos_end)
    range.last = std::min(length, absolute(*options.attr_pos_end, "attr_pos_end"));
  INSEQ_CHECK(length > prompt, InvalidArgument,
              "there is nothing to explain: no token follows the first ", prompt,
              prompt == 1 ? " token" : " tokens", " of the target");
  INSEQ_CHECK(range.first < range.last, InvalidArgument,
              "there is nothing to explain: attribution starts at position ", range.first,
              " and ends before position ", range.last, " of the ", length, "-token target");
  range.first = std::max<int64_t>(range.first, 1);
  return range;
}

/// The start of a text, for messages.
std::string excerpt(const std::string& text) {
  size_t end = std::min<size_t>(text.size(), 60);
  while (end < text.size() && end > 0 && continues_code_point(text[end])) --end;
  return concat('"', std::string_view(text).substr(0, end), end < text.size() ? "…\"" : "\"");
}

/// Special tokens are taken out of the texts themselves when they are to be skipped.
std::string without_special(std::string text, const text::Tokenizer& tokenizer) {
  for (const int64_t id : tokenizer.special_ids()) {
    const std::string token = tokenizer.id_to_token(id);
    for (size_t at = text.find(token); !token.empty() && at != std::string::npos;
         at = text.find(token, at)) {
      text.erase(at, token.size());
    }
  }
  return text;
}

/// Ids that stand for a text without information: unknown tokens, and EOS where the text has it
/// unless the baseline shall cover it; the first `kept` ids stay. Undefined without ids, and when
/// the vocabulary has nothing of the kind.
Tensor baseline_of(const std::vector<int64_t>& ids, const ModelTokens& tokens,
                   const AttributeOptions& options, int64_t kept) {
  if (tokens.unk < 0 || ids.empty()) return Tensor();
  const Tensor given = at::tensor(ids, at::kLong), unknown = at::full_like(given, tokens.unk);
  const Tensor out =
      options.include_eos_baseline ? unknown : at::where(given.eq(tokens.eos), given, unknown);
  out.narrow(0, 0, kept).copy_(given.narrow(0, 0, kept));
  return out;
}

std::vector<StepAttribution> split_steps(const SequenceAttribution& s) {
  std::vector<StepAttribution> out;
  for (int64_t step = 0; step < s.attr_pos_end - s.attr_pos_start; ++step) {
    const int64_t position = s.attr_pos_start + step;
    StepAttribution one;
    one.kind = s.kind;
    one.num_dimensions = s.num_dimensions;
    if (s.source_attributions.defined()) {
      one.source = {s.source};
      one.source_attributions = s.source_attributions.select(1, step).unsqueeze(0).contiguous();
    }
    one.prefix = {std::vector<Token>(s.target.begin(), s.target.begin() + position)};
    one.target = {{s.target[static_cast<size_t>(position)]}};
    if (s.target_attributions.defined()) {
      one.target_attributions =
          s.target_attributions.select(1, step).narrow(0, 0, position).unsqueeze(0).contiguous();
    }
    for (const auto& [name, scores] : s.step_scores)
      one.step_scores[name] = scores.narrow(0, step, 1).clone();
    out.push_back(std::move(one));
  }
  return out;
}

/// The texts without special tokens where these are to be skipped.
std::vector<std::string> prepared(std::vector<std::string> texts, const AttributeOptions& options,
                                  const text::Tokenizer& tokenizer) {
  if (!options.skip_special_tokens) return texts;
  for (std::string& text : texts) text = without_special(std::move(text), tokenizer);
  return texts;
}

}  // namespace

void check_options(const AttributeOptions& options) {
  read_request(options);
  check_generation_args(options.generation_args);
}

AttributionOutput AttributionModel::attribute(const std::vector<std::string>& given,
                                              const AttributeOptions& options) const {
  check_options(options);  // before generation starts
  std::vector<std::string> texts = prepared(given, options, *parts_->tokenizer);
  for (std::string& text : texts) parts_->replace_empty(text);
  const std::vector<std::string> generated = parts_->generate(texts, {}, options);
  for (size_t i = 0; i < texts.size() && !is_encoder_decoder(); ++i)
    parts_->check_continuation(texts[i], generated[i], !options.skip_special_tokens);
  AttributionOutput out = attribute_generated(texts, generated, options);
  out.info["generation_args"] = options.generation_args;
  out.info["constrained_decoding"] = false;
  return out;
}

AttributionOutput AttributionModel::attribute(const std::vector<std::string>& given,
                                              const std::vector<std::string>& generated_texts,
                                              const AttributeOptions& options) const {
  INSEQ_CHECK(given.size() == generated_texts.size(), InvalidArgument, "there are ", given.size(),
              " input texts and ", generated_texts.size(),
              " generated texts; there must be one for each");
  check_options(options);
  std::vector<std::string> texts = prepared(given, options, *parts_->tokenizer);
  std::vector<std::string> generated = prepared(generated_texts, options, *parts_->tokenizer);
  const bool continued = options.generate_from_target_prefix && is_encoder_decoder();
  if (continued) generated = parts_->generate(texts, generated, options);
  for (size_t i = 0; i < texts.size() && !is_encoder_decoder(); ++i) {
    if (parts_->replace_empty(texts[i]) && !generated[i].starts_with(texts[i]))
      generated[i] = concat(texts[i], ' ', generated[i]);
    INSEQ_CHECK(generated[i].starts_with(texts[i]), InvalidArgument,
                "the generated text of a decoder-only model must begin "
                "with its input text; ",
                excerpt(generated[i]), " does not begin with ", excerpt(texts[i]));
  }
  AttributionOutput out = attribute_generated(texts, generated, options);
  out.info["generation_args"] = continued ? options.generation_args : Json::object();
  out.info["constrained_decoding"] = true;
  return out;
}

void AttributionModel::Parts::check_continuation(const std::string& text,
                                                 const std::string& generated,
                                                 bool add_special_tokens) const {
  if (generated.starts_with(text)) return;
  const std::vector<int64_t> prompt = ids_of(text, add_special_tokens);
  const auto continues = [&](bool skip_special) {
    const std::string given_back = tokenizer->decode(prompt, skip_special);
    return generated.starts_with(given_back) && ids_of(given_back, add_special_tokens) == prompt;
  };
  INSEQ_CHECK(continues(/*skip_special=*/false) || continues(/*skip_special=*/true),
              InvalidArgument,
              "the tokenizer does not give back the text that was continued: ", excerpt(generated),
              " does not begin with ", excerpt(text),
              ", and its first tokens are others; explain a generated text of your own");
}

bool AttributionModel::Parts::replace_empty(std::string& text) const {
  if (!text.empty() || has_encoder()) return false;
  INSEQ_CHECK(tokens.bos >= 0, InvalidArgument,
              "an input text is empty, and this model has no token to begin a text with");
  text = tokenizer->id_to_token(tokens.bos);
  return true;
}

namespace {

SequenceAttribution assemble(std::vector<Token> source, std::vector<Token> target, Range range,
                             const Request& request, engine::Answer answer) {
  SequenceAttribution s;
  s.kind = request.method_info.kind;
  s.num_dimensions = request.method_info.num_dimensions;
  s.source = source.empty() ? std::vector<Token>(target.begin(), target.begin() + range.first)
                            : std::move(source);
  s.target = std::move(target);
  s.source_attributions = answer.source;
  s.target_attributions = answer.target;
  s.step_scores = std::move(answer.step_scores);
  s.sequence_scores = std::move(answer.sequence_scores);
  s.attr_pos_start = range.first;
  s.attr_pos_end = range.last;
  s.aggregator = data::default_aggregators(s.kind, data::trailing_axes(s));
  return s;
}

/// Tokens by the text they stand for instead of their vocabulary names.
void clean(std::vector<Token>& tokens, const text::Tokenizer& tokenizer) {
  for (Token& token : tokens) {
    const std::string cleaned = tokenizer.tokens_to_string({&token.text, 1});
    if (!cleaned.empty()) token.text = cleaned;
  }
}

/// What was asked for and attributed, with the keys of Inseq's `info`.
Json described(const AttributeOptions& options, const std::vector<std::string>& texts,
               const std::vector<std::string>& generated,
               const std::vector<SequenceAttribution>& sequences, double seconds,
               bool has_encoder) {
  int64_t last_end = 0;
  for (const SequenceAttribution& s : sequences) last_end = std::max(last_end, s.attr_pos_end);
  return {{"attribution_method", options.method},
          {"attr_pos_start", sequences.empty() ? 0 : sequences.front().attr_pos_start},
          {"attr_pos_end", last_end},
          {"output_step_attributions", options.output_step_attributions},
          {"attribute_target", options.attribute_target && has_encoder},
          {"step_scores", options.step_scores},
          {"exec_time", seconds},
          {"include_eos_baseline", options.include_eos_baseline},
          {"attributed_fn", options.attributed_fn + "_fn"},
          {"input_texts", texts},
          {"generated_texts", generated},
          {"generate_from_target_prefix", options.generate_from_target_prefix && has_encoder}};
}

Tensor ids_tensor(const std::vector<int64_t>& ids) {
  return ids.empty() ? Tensor() : at::tensor(ids, at::kLong);
}

}  // namespace

AttributionModel::Parts::Pair AttributionModel::Parts::pair_of(const std::string& text,
                                                               const std::string& generated,
                                                               bool add_special_tokens) const {
  Pair pair;
  pair.target = target_ids_of(generated, add_special_tokens);
  if (has_encoder()) {
    pair.source = ids_of(text, add_special_tokens);
    check_source(pair.source);
  } else {
    pair.prompt = static_cast<int64_t>(ids_of(text, add_special_tokens).size());
  }
  // Inseq takes what equals the padding token for padding: a final EOS is not explained when it
  // serves for both.
  while (static_cast<int64_t>(pair.target.size()) > pair.prompt &&
         pair.target.back() == tokens.pad) {
    pair.target.pop_back();
  }
  return pair;
}

AttributionOutput AttributionModel::attribute_generated(const std::vector<std::string>& texts,
                                                        const std::vector<std::string>& generated,
                                                        const AttributeOptions& options) const {
  const at::NoGradGuard no_grad;
  const Request request = read_request(options);
  AttributionOutput out;
  double seconds = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    const Parts::Pair pair = parts_->pair_of(texts[i], generated[i], !options.skip_special_tokens);
    const Range range =
        positions_to_explain(options, pair.prompt, static_cast<int64_t>(pair.target.size()));
    std::string task = concat("Attributing with ", options.method);
    if (texts.size() > 1) task += concat(" (text ", i + 1, " of ", texts.size(), ")");
    const engine::Engine engine(*parts_->model,
                                {request.backend, options.memory_limit, options.progress, task});
    const engine::Question question{
        .ids = {ids_tensor(pair.source), ids_tensor(pair.target)},
        .first = range.first,
        .last = range.last,
        .baseline_ids = {baseline_of(pair.source, parts_->tokens, options, /*kept=*/0),
                         baseline_of(pair.target, parts_->tokens, options,
                                     /*kept=*/is_encoder_decoder() ? 1 : 0)},
        .special = {parts_->tokens.unk, parts_->tokens.pad, parts_->tokenizer->vocab_size(),
                    parts_->tokenizer->special_ids()},
        .text_of =
            [&tokenizer = *parts_->tokenizer](int64_t id, bool source) {
              return tokenizer.readable(id, source ? text::Side::kSource : text::Side::kTarget);
            },
        .attribute_target = options.attribute_target,
        .attributed_function = request.attributed_function,
        .step_scores = request.step_scores,
        .detail = options.granular ? engine::Detail::kGranular : engine::Detail::kPerToken};
    const auto start = std::chrono::steady_clock::now();
    engine::Answer answer = request.method->attribute(engine, question, request.method_options);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

    std::vector<Token> source = parts_->tokens_of(pair.source, text::Side::kSource);
    std::vector<Token> target = parts_->tokens_of(pair.target);
    if (options.clean_special_chars) {
      clean(source, *parts_->tokenizer);
      clean(target, *parts_->tokenizer);
    }
    out.sequences.push_back(
        assemble(std::move(source), std::move(target), range, request, std::move(answer)));
    if (options.output_step_attributions) {
      if (!out.steps) out.steps.emplace();
      for (StepAttribution& step : split_steps(out.sequences.back()))
        out.steps->push_back(std::move(step));
    }
  }
  out.info = info();
  out.info.update(request.info);
  out.info.update(
      described(options, texts, generated, out.sequences, seconds, is_encoder_decoder()));
  return out;
}

}  // namespace inseq
