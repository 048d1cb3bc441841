#include "base/option_info.h"

#include <algorithm>
#include <cmath>

#include "base/text_distance.h"
#include "inseq/error.h"

namespace inseq {

bool has_option(const std::vector<OptionInfo>& options, const std::string& name) {
  return std::any_of(options.begin(), options.end(),
                     [&](const OptionInfo& option) { return option.name == name; });
}

namespace {

using Type = Json::value_t;

Type type_of(const OptionInfo& option) {
  const Type type = option.type == Type::null ? option.fallback.type() : option.type;
  return type == Type::number_unsigned ? Type::number_integer : type;
}

/// Larger than the whole numbers that options are read as.
bool is_too_large(const Json& value) {
  return value.is_number_unsigned() &&
         value.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()};
}

bool fits(const Json& value, Type type) {
  if (type == Type::discarded) return true;
  if (type == Type::number_integer) return value.is_number_integer() && !is_too_large(value);
  if (type == Type::number_float) return value.is_number();
  return value.type() == type;
}

std::string needed(const OptionInfo& option) {
  const Type type = type_of(option);
  std::string text = type == Type::boolean          ? "true or false"
                     : type == Type::number_integer ? "a whole number"
                     : type == Type::number_float   ? "a number"
                     : type == Type::string         ? "a text"
                                                    : concat("a ", Json(type).type_name());
  if (!option.choices.empty()) text = concat("one of ", join_choices(option.choices));
  const bool has_lowest = std::isfinite(option.lowest), has_highest = std::isfinite(option.highest);
  if (has_lowest && has_highest) {
    text += concat(" from ", option.lowest, " to ", option.highest);
  } else if (has_lowest) {
    text += concat(" of at least ", option.lowest);
  } else if (has_highest) {
    text += concat(" of at most ", option.highest);
  }
  return option.fallback.is_null() && type != Type::discarded ? text + ", or null" : text;
}

bool allowed(const OptionInfo& option, const Json& value) {
  if (value.is_null() && option.fallback.is_null()) return true;
  if (!fits(value, type_of(option))) return false;
  if (value.is_number()) {
    const double number = value.get<double>();
    return number >= option.lowest && number <= option.highest;
  }
  return option.choices.empty() || !value.is_string() ||
         std::find(option.choices.begin(), option.choices.end(), value.get<std::string>()) !=
             option.choices.end();
}

}  // namespace

Json to_json(const OptionInfo& option) {
  const Type type = type_of(option);
  const char* name = type == Type::boolean          ? "boolean"
                     : type == Type::number_integer ? "integer"
                     : type == Type::number_float   ? "number"
                     : type == Type::string         ? "string"
                                                    : "any";
  Json out = {{"name", option.name},
              {"default", option.fallback},
              {"type", name},
              {"summary", option.summary}};
  if (std::isfinite(option.lowest)) out["lowest"] = option.lowest;
  if (std::isfinite(option.highest)) out["highest"] = option.highest;
  if (!option.choices.empty()) out["choices"] = option.choices;
  return out;
}

Json to_json(const std::vector<OptionInfo>& options) {
  Json out = Json::array();
  for (const OptionInfo& option : options) out.push_back(to_json(option));
  return out;
}

Json complete_options(const std::vector<OptionInfo>& options, const Json& given,
                      const std::string& owner) {
  Json out = Json::object();
  for (const OptionInfo& option : options) {
    const Json& value = given.contains(option.name) ? given.at(option.name) : option.fallback;
    INSEQ_CHECK(allowed(option, value), InvalidOption, "option \"", option.name, "\" of ", owner,
                " is ", value.dump(), ", needed is ", needed(option),
                is_too_large(value) ? " (below 2^63)" : "",
                value.is_string() ? did_you_mean(value.get<std::string>(), option.choices) : "");
    out[option.name] = value;
  }
  return out;
}

}  // namespace inseq
