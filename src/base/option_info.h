#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace inseq {

using Json = nlohmann::ordered_json;

/// An option of a method or a step function, as --attribution_kwargs takes it.
struct OptionInfo {
  std::string name;
  Json fallback;        ///< used when the user gives none; also says the type
  std::string summary;  ///< one line
};

/// Whether one of the options has this name.
bool has_option(const std::vector<OptionInfo>& options, const std::string& name);

/// The values that `given` holds for these options, over their defaults; other entries of `given`
/// are left alone. `owner` is whose options they are, for messages. Throws InvalidArgument for a
/// value of another type.
Json complete_options(const std::vector<OptionInfo>& options, const Json& given,
                      const std::string& owner);

}  // namespace inseq
