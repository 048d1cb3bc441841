#include <map>

#include "base/text_distance.h"
#include "base/utf8.h"
#include "generation/generation.h"
#include "generation/option_rules.h"
#include "inseq/error.h"

namespace inseq::generation {
namespace {

constexpr const char* kGenerationConfig = "generation_config.json";
constexpr const char* kModelConfig = "config.json";

struct Entry {
  const Json* value;  // within the sources
  std::string file;   // empty: the user said so
};
using Entries = std::map<std::string, Entry>;

/// Whether `value` holds at most `levels` lists or objects within one another.
bool is_shallow(const Json& value, int levels) {
  if (!value.is_structured()) return true;
  return levels > 0 && std::all_of(value.begin(), value.end(), [&](const Json& inner) {
           return is_shallow(inner, levels - 1);
         });
}

/// `value` as JSON, cut where it grows too long for a message.
std::string shown(const Json& value) {
  if (!is_shallow(value, 4))
    return "a deeply nested value";  // printing one would exhaust the stack
  constexpr size_t kLongest = 60;
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() <= kLongest) return text;
  size_t end = kLongest;
  while (end > 0 && continues_code_point(text[end])) --end;  // whole UTF-8
  return text.substr(0, end) + "...";
}

/// "generation_config.json: " or, for what the user said, "".
std::string prefix(const std::string& file) { return file.empty() ? "" : file + ": "; }

[[noreturn]] void refuse(const OptionRule& rule, const Json& value, const std::string& file = "") {
  const std::string message = concat(prefix(file), "generation option \"", rule.name, "\" must be ",
                                     rule.needs, ", got ", shown(value));
  if (file.empty()) throw InvalidOption(message);
  throw InvalidArgument(message);
}

std::vector<std::string> known_names() {
  std::vector<std::string> names = ignored_options();
  for (const OptionRule& rule : option_rules()) names.push_back(rule.name);
  for (const ForeignOption& option : foreign_options()) names.push_back(option.name);
  return names;
}

/// Throws unless `object` is an object; null is as good as an empty one.
void check_object(const Json& object, const std::string& what) {
  INSEQ_CHECK(object.is_null() || object.is_object(), InvalidArgument, what,
              " must be a JSON object, got ", shown(object));
}

/// What a file says; unknown keys are none of our business.
void add_file(Entries& entries, const Json& object, const char* file) {
  check_object(object, file);
  if (object.is_null()) return;
  for (const std::string& name : known_names()) {
    const auto found = object.find(name);
    if (found != object.end() && !found->is_null()) entries.try_emplace(name, Entry{&*found, file});
  }
}

/// Old checkpoints keep generation options in config.json, some of them within the text model's
/// part.
void add_model_config(Entries& entries, const Json& config) {
  add_file(entries, config, kModelConfig);
  if (!config.is_object()) return;
  for (const char* part : {"decoder", "generator", "text_config"}) {
    const auto found = config.find(part);
    if (found == config.end() || !found->is_object() || found->empty()) continue;
    add_file(entries, *found, kModelConfig);
    return;
  }
}

void add_user(Entries& entries, const Json& object) {
  check_object(object, "generation options");
  if (object.is_null()) return;
  static const Json no_limit = 0;
  const std::vector<std::string> known = known_names();
  for (const auto& [name, value] : object.items()) {
    INSEQ_CHECK(std::find(known.begin(), known.end(), name) != known.end(), InvalidOption,
                "unknown generation option ", shown(name), did_you_mean(name, known));
    if (!value.is_null()) {
      entries.insert_or_assign(name, Entry{&value, ""});
    } else if (name == "top_k") {
      entries.insert_or_assign(name, Entry{&no_limit, ""});  // rather than its default of 50
    } else {
      entries.erase(name);
    }
  }
}

void check_foreign(const Entries& entries) {
  for (const ForeignOption& option : foreign_options()) {
    const auto found = entries.find(option.name);
    if (found == entries.end()) continue;
    const auto& [value, file] = found->second;
    const bool is_empty = value->is_structured() && value->empty();
    if (is_empty || *value == option.neutral) continue;
    const bool leave_out = option.neutral.is_null() && file.empty();
    throw Unsupported(concat(prefix(file), "generation option \"", option.name, "\" is ",
                             shown(*value), ", but ", option.why, "; ",
                             leave_out ? "leave it out" : "set it to " + option.neutral.dump(),
                             file.empty() ? "" : " in your generation options"));
  }
}

/// A forced token that is suppressed would leave nothing to choose.
void check_forced(const char* name, const std::vector<int64_t>& forced, const Options& options) {
  const auto is_suppressed = [&](int64_t id) {
    const auto& ids = options.suppress_tokens;
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  INSEQ_CHECK(forced.empty() || !std::all_of(forced.begin(), forced.end(), is_suppressed),
              InvalidArgument, "generation option \"", name, "\" forces ", shown(forced),
              ", which \"suppress_tokens\" forbids; take it out of one of the two");
}

void check_contradictions(const Options& options) {
  check_forced("forced_eos_token_id", options.forced_eos_token_ids, options);
  if (options.forced_bos_token_id) {
    check_forced("forced_bos_token_id", {*options.forced_bos_token_id}, options);
  }
}

}  // namespace

Options read_options(const OptionSources& sources) {
  Entries entries;
  if (sources.generation_config.is_null()) {
    add_model_config(entries, sources.model_config);
  } else {
    add_file(entries, sources.generation_config, kGenerationConfig);
  }
  add_user(entries, sources.user);
  check_foreign(entries);
  Options options;
  for (const OptionRule& rule : option_rules()) {
    const auto found = entries.find(rule.name);
    if (found == entries.end()) continue;
    const auto& [value, file] = found->second;
    if (!rule.read(*value, options)) refuse(rule, *value, file);
  }
  for (const OptionRule& rule : option_rules()) {  // whether one is in range may depend on another
    const auto found = entries.find(rule.name);
    if (found == entries.end() || rule.valid(options)) continue;
    refuse(rule, *found->second.value, found->second.file);
  }
  check_contradictions(options);
  return options;
}

void check_options(const Options& options) {
  for (const OptionRule& rule : option_rules()) {
    if (!rule.valid(options)) refuse(rule, rule.show(options));
  }
  check_contradictions(options);
}

}  // namespace inseq::generation
