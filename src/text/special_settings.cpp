#include "text/special_settings.h"

#include <algorithm>
#include <limits>

#include "inseq/error.h"

namespace inseq::text {
namespace {

/// Lengths above this are transformers' way of writing "unlimited".
constexpr double kUnlimited = 1e20;

bool is_added_token(const Json& value) {
  return value.is_string() || (value.is_object() && value.contains("content"));
}

/// One entry of the special tokens in the `named` list, replaced or appended.
void set_named(std::vector<std::pair<std::string, AddedToken>>& named, const std::string& name,
               const AddedToken& token) {
  const auto found = std::find_if(named.begin(), named.end(),
                                  [&name](const auto& entry) { return entry.first == name; });
  if (found == named.end()) {
    named.emplace_back(name, token);
  } else {
    found->second = token;
  }
}

}  // namespace

bool is_special_name(std::string_view name) {
  return std::find(std::begin(kSpecialNames), std::end(kSpecialNames), name) !=
         std::end(kSpecialNames);
}

bool is_set(const Json& settings, const char* name) {
  const auto found = settings.find(name);
  if (found == settings.end() || found->is_null()) return false;
  if (found->is_boolean()) return found->get<bool>();
  if (found->is_number()) return found->get<double>() != 0;
  if (found->is_string()) return !found->get_ref<const std::string&>().empty();
  return !found->empty();
}

SpecialTokenSettings read_special_tokens(Json& settings) {
  SpecialTokenSettings out;
  if (settings.contains("additional_special_tokens") &&
      !settings.contains("extra_special_tokens")) {
    settings["extra_special_tokens"] = settings["additional_special_tokens"];
  }
  for (const char* name : kSpecialNames) {
    const auto value = settings.find(name);
    if (value == settings.end() || value->is_null()) continue;
    const std::optional<AddedToken> token = parse_added_token(*value);
    INSEQ_CHECK(token.has_value(), FormatError, "tokenizer settings: ", name, " is ",
                value->type_name(),
                ", it must be a token: a string, or an object with \"content\"");
    out.named.emplace_back(name, *token);
  }
  const auto add_model_specific = [&out](const Json& tokens) {
    for (const auto& [name, value] : tokens.items()) {
      if (const auto token = parse_added_token(value)) set_named(out.named, name, *token);
    }
  };
  if (settings.contains("extra_special_tokens")) {
    const Json& extra = settings["extra_special_tokens"];
    if (extra.is_object()) add_model_specific(extra);
    for (const Json& value : extra.is_array() ? extra : Json::array()) {
      if (const auto token = parse_added_token(value)) out.extra.push_back(*token);
    }
  }
  Json specific = Json::object();
  for (const auto& [name, value] : settings.items()) {
    if (name.ends_with("_token") && !is_special_name(name) && is_added_token(value))
      specific[name] = value;
  }
  add_model_specific(specific);
  const auto listed = settings.find("model_specific_special_tokens");
  if (listed != settings.end() && listed->is_object()) add_model_specific(*listed);
  return out;
}

std::optional<std::string> SpecialTokenSettings::content(std::string_view name) const {
  for (const auto& [known, token] : named) {
    if (known == name) return token.content;
  }
  return std::nullopt;
}

std::vector<std::string> SpecialTokenSettings::all() const {
  std::vector<std::string> all;
  const auto add = [&all](const std::string& token) {
    if (std::find(all.begin(), all.end(), token) == all.end()) all.push_back(token);
  };
  for (const auto& [name, token] : named) add(token.content);
  for (const AddedToken& token : extra) add(token.content);
  return all;
}

std::optional<int64_t> read_max_length(const Json& settings) {
  for (const char* name : {"model_max_length", "max_len"}) {
    const auto found = settings.find(name);
    if (found == settings.end() || !found->is_number()) continue;
    const double length = found->get<double>();
    if (!(length >= 1) || length > kUnlimited) return std::nullopt;
    constexpr auto kMost = std::numeric_limits<int64_t>::max();
    return length >= static_cast<double>(kMost) ? kMost : static_cast<int64_t>(length);
  }
  return std::nullopt;
}

}  // namespace inseq::text
