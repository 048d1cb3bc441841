#include "methods/registry/method.h"

namespace inseq::methods {

const MethodRegistry& methods() {
  static const MethodRegistry registry = [] {
    MethodRegistry all;
    register_all(all);
    return all;
  }();
  return registry;
}

Json complete_options(const std::string& method, const MethodInfo& info, const Json& given) {
  Json out = Json::object();
  std::vector<std::string> names;
  for (const OptionInfo& option : info.options) {
    out[option.name] = option.fallback;
    names.push_back(option.name);
  }
  for (const auto& [name, value] : given.items()) {
    INSEQ_CHECK(out.contains(name), InvalidArgument, "method \"", method, "\" has no option \"", name, "\"",
                did_you_mean(name, names),
                names.empty() ? std::string(" (it has none)") : concat(" (it has ", join_choices(names), ")"));
    const Json& fallback = out[name];
    const bool same_kind = (fallback.is_number() && value.is_number()) || fallback.type() == value.type();
    INSEQ_CHECK(same_kind, InvalidArgument, "option \"", name, "\" of method \"", method, "\" is ", value.dump(),
                ", needed is a ", fallback.type_name());
    out[name] = value;
  }
  return out;
}

}  // namespace inseq::methods
