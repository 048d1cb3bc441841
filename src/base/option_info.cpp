#include "base/option_info.h"

#include <algorithm>

#include "inseq/error.h"

namespace inseq {

bool has_option(const std::vector<OptionInfo>& options, const std::string& name) {
  return std::any_of(options.begin(), options.end(),
                     [&](const OptionInfo& option) { return option.name == name; });
}

Json complete_options(const std::vector<OptionInfo>& options, const Json& given,
                      const std::string& owner) {
  Json out = Json::object();
  for (const OptionInfo& option : options) {
    const bool is_given = given.contains(option.name);
    const Json& value = is_given ? given.at(option.name) : option.fallback;
    const bool same_kind = (option.fallback.is_number() && value.is_number()) ||
                           option.fallback.type() == value.type();
    INSEQ_CHECK(
        same_kind, InvalidArgument, "option \"", option.name, "\" of ", owner, " is ", value.dump(),
        ", needed is ",
        option.fallback.is_boolean() ? "true or false" : concat("a ", option.fallback.type_name()));
    out[option.name] = value;
  }
  return out;
}

}  // namespace inseq
