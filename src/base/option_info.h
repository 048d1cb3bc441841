#pragma once
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace inseq {

using Json = nlohmann::ordered_json;

/// An option of a method or a step function, as --attribution_kwargs takes it.
struct OptionInfo {
  std::string name;
  Json fallback;        ///< used when the user gives none; null: there may be none
  std::string summary;  ///< one line
  /// What a value must be: boolean, number_integer, number_float (any number), string; null: what
  /// the fallback is; discarded: anything, the owner checks it.
  Json::value_t type = Json::value_t::null;
  double lowest = -std::numeric_limits<double>::infinity();  ///< of numbers
  double highest = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices = {};  ///< of strings; empty: any
};

/// {"name", "default", "type", "summary"}, and where they are bounded "lowest", "highest",
/// "choices".
Json to_json(const OptionInfo& option);
Json to_json(const std::vector<OptionInfo>& options);

/// Whether one of the options has this name.
bool has_option(const std::vector<OptionInfo>& options, const std::string& name);

/// The values that `given` holds for these options, over their defaults; other entries of `given`
/// are left alone. `owner` is whose options they are, for messages. Throws InvalidOption for a
/// value of another type or out of range.
Json complete_options(const std::vector<OptionInfo>& options, const Json& given,
                      const std::string& owner);

}  // namespace inseq
