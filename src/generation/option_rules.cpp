#include "generation/option_rules.h"

#include <cmath>
#include <type_traits>

namespace inseq::generation {
namespace {

using Ids = std::vector<int64_t>;

// parse(): false when `value` does not have the type of `out`.

bool parse(const Json& value, bool& out) {
  if (!value.is_boolean()) return false;
  out = value.get<bool>();
  return true;
}

bool parse(const Json& value, double& out) {
  if (!value.is_number()) return false;
  out = value.get<double>();
  return true;
}

bool parse(const Json& value, uint64_t& out) {
  if (!value.is_number_integer()) return false;
  if (!value.is_number_unsigned() && value.get<int64_t>() < 0) return false;
  out = value.get<uint64_t>();
  return true;
}

bool parse(const Json& value, int64_t& out) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) return false;
  out = value.get<int64_t>();
  return true;
}

bool parse(const Json& value, std::pair<int64_t, double>& out) {
  return value.is_array() && value.size() == 2 && parse(value[0], out.first) &&
         parse(value[1], out.second);
}

template <typename T>
bool parse(const Json& value, std::vector<T>& out) {
  if (!value.is_array()) return false;
  out.resize(value.size());
  for (size_t i = 0; i < out.size(); ++i) {
    if (!parse(value[i], out[i])) return false;
  }
  return true;
}

/// One id is as good as a list of one.
bool parse_ids(const Json& value, Ids& out) {
  if (value.is_array()) return parse(value, out);
  out.resize(1);
  return parse(value, out[0]);
}

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

/// A rule for `field`, which is in range where `ok(value)` holds.
template <typename T, typename Ok>
OptionRule rule(const char* name, T Options::* field, const char* needs, Ok ok) {
  OptionRule out{.name = name, .needs = needs, .read = {}, .valid = {}, .show = {}};
  if constexpr (IsOptional<T>::value) {
    out.read = [field](const Json& value, Options& options) {
      return parse(value, (options.*field).emplace());
    };
    out.valid = [field, ok](const Options& options) {
      return !(options.*field) || ok(*(options.*field));
    };
    out.show = [field](const Options& options) {
      return options.*field ? Json(*(options.*field)) : Json();
    };
  } else {
    out.read = [field](const Json& value, Options& options) {
      return parse(value, options.*field);
    };
    out.valid = [field, ok](const Options& options) { return ok(options.*field); };
    out.show = [field](const Options& options) { return Json(options.*field); };
  }
  return out;
}

template <typename T>
OptionRule count(const char* name, T Options::* field, int64_t least) {
  return rule(name, field,
              least == 0 ? "a whole number of at least 0" : "a whole number of at least 1",
              [least](int64_t value) { return value >= least; });
}

template <typename T>
OptionRule share(const char* name, T Options::* field) {
  return rule(name, field, "a number between 0 and 1",
              [](double value) { return value >= 0 && value <= 1; });
}

OptionRule flag(const char* name, bool Options::* field) {
  return rule(name, field, "true or false", [](bool) { return true; });
}

bool are_ids(const Ids& ids) {
  return std::all_of(ids.begin(), ids.end(), [](int64_t id) { return id >= 0; });
}

bool is_positive(double value) { return value > 0 && std::isfinite(value); }

OptionRule token_list(const char* name, Ids Options::* field) {
  return rule(name, field, "a list of token ids", are_ids);
}

OptionRule one_or_more_tokens(const char* name, Ids Options::* field) {
  OptionRule out = rule(name, field, "a token id or a list of token ids", are_ids);
  out.read = [field](const Json& value, Options& options) {
    return parse_ids(value, options.*field);
  };
  return out;
}

OptionRule eos_token_id() {
  OptionRule out = one_or_more_tokens("eos_token_id", &Options::eos_token_ids);
  // Some checkpoints write -1 where they have no such token.
  out.read = [](const Json& value, Options& options) {
    if (!parse_ids(value, options.eos_token_ids)) return false;
    std::erase_if(options.eos_token_ids, [](int64_t id) { return id < 0; });
    return true;
  };
  return out;
}

OptionRule token(const char* name, std::optional<int64_t> Options::* field) {
  return rule(name, field, "a token id", [](int64_t id) { return id >= 0; });
}

OptionRule token_or_none(const char* name, std::optional<int64_t> Options::* field) {
  OptionRule out = token(name, field);
  out.read = [field](const Json& value, Options& options) {
    if (!parse(value, (options.*field).emplace())) return false;
    if (*(options.*field) < 0) (options.*field).reset();  // as above
    return true;
  };
  return out;
}

OptionRule bad_words_ids() {
  return rule("bad_words_ids", &Options::bad_words_ids, "a list of non-empty lists of token ids",
              [](const std::vector<Ids>& words) {
                return std::all_of(words.begin(), words.end(),
                                   [](const Ids& word) { return !word.empty() && are_ids(word); });
              });
}

OptionRule temperature() {
  OptionRule out =
      rule("temperature", &Options::temperature, "a number greater than 0", is_positive);
  // Checkpoints that are meant for greedy search say so with a temperature of 0.
  out.valid = [](const Options& options) {
    return is_positive(options.temperature) || (options.temperature == 0 && !options.do_sample);
  };
  return out;
}

OptionRule early_stopping() {
  OptionRule out{.name = "early_stopping",
                 .needs = "true, false or \"never\"",
                 .read = {},
                 .valid = [](const Options&) { return true; },
                 .show = {}};
  out.read = [](const Json& value, Options& options) {
    const bool never = value == "never";
    if (!never && !value.is_boolean()) return false;
    options.early_stopping = never               ? EarlyStopping::kNever
                             : value.get<bool>() ? EarlyStopping::kYes
                                                 : EarlyStopping::kNo;
    return true;
  };
  out.show = [](const Options& options) {
    if (options.early_stopping == EarlyStopping::kNever) return Json("never");
    return Json(options.early_stopping == EarlyStopping::kYes);
  };
  return out;
}

OptionRule num_return_sequences() {
  OptionRule out = count("num_return_sequences", &Options::num_return_sequences, 1);
  out.needs = "a whole number of at least 1, and at most num_beams unless texts are sampled";
  out.valid = [](const Options& options) {
    const int64_t most = options.num_beams > 1 ? options.num_beams : options.do_sample ? 1000 : 1;
    return options.num_return_sequences >= 1 && options.num_return_sequences <= most;
  };
  return out;
}

std::vector<OptionRule> beam_rules() {
  return {rule("num_beams", &Options::num_beams, "a whole number from 1 to 1000",
               [](int64_t value) { return value >= 1 && value <= 1000; }),
          num_return_sequences(),
          rule("length_penalty", &Options::length_penalty, "a number",
               [](double value) { return std::isfinite(value); }),
          early_stopping()};
}

std::vector<OptionRule> length_rules() {
  return {count("max_length", &Options::max_length, 1),
          count("max_new_tokens", &Options::max_new_tokens, 1),
          count("min_length", &Options::min_length, 0),
          count("min_new_tokens", &Options::min_new_tokens, 0),
          eos_token_id(),
          token_or_none("pad_token_id", &Options::pad_token_id)};
}

std::vector<OptionRule> constraint_rules() {
  return {rule("repetition_penalty", &Options::repetition_penalty, "a number greater than 0",
               is_positive),
          count("no_repeat_ngram_size", &Options::no_repeat_ngram_size, 0),
          bad_words_ids(),
          token_list("suppress_tokens", &Options::suppress_tokens),
          token_list("begin_suppress_tokens", &Options::begin_suppress_tokens),
          token_or_none("decoder_start_token_id", &Options::decoder_start_token_id),
          token_or_none("bos_token_id", &Options::bos_token_id),
          token("forced_bos_token_id", &Options::forced_bos_token_id),
          one_or_more_tokens("forced_eos_token_id", &Options::forced_eos_token_ids),
          flag("remove_invalid_values", &Options::remove_invalid_values),
          rule("exponential_decay_length_penalty", &Options::exponential_decay_length_penalty,
               "a pair of a number of tokens and a factor greater than 0",
               [](const std::pair<int64_t, double>& value) {
                 return value.first >= 0 && is_positive(value.second);
               }),
          flag("renormalize_logits", &Options::renormalize_logits)};
}

std::vector<OptionRule> sampling_rules() {
  return {flag("do_sample", &Options::do_sample),
          temperature(),
          count("top_k", &Options::top_k, 0),
          share("top_p", &Options::top_p),
          share("min_p", &Options::min_p),
          rule("top_h", &Options::top_h, "a number greater than 0 and at most 1",
               [](double value) { return value > 0 && value <= 1; }),
          rule("typical_p", &Options::typical_p, "a number greater than 0 and at most 1",
               [](double value) { return value > 0 && value <= 1; }),
          share("epsilon_cutoff", &Options::epsilon_cutoff),
          share("eta_cutoff", &Options::eta_cutoff),
          rule("seed", &Options::seed, "a whole number between 0 and 18446744073709551615",
               [](uint64_t) { return true; })};
}

}  // namespace

const std::vector<OptionRule>& option_rules() {
  static const std::vector<OptionRule> rules = [] {
    std::vector<OptionRule> all = length_rules();
    for (const auto& more : {beam_rules(), constraint_rules(), sampling_rules()}) {
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }();
  return rules;
}

}  // namespace inseq::generation
