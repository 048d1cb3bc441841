// inseq methods, inseq step-functions, inseq models: what there is.
#include <algorithm>
#include <cstdio>

#include "commands.h"
#include "inseq/attribution_model.h"
#include "options.h"

namespace inseq::cli {
namespace {

int print(const char* command, const std::vector<Listed>& all,
          const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument != "--json")
      throw UsageError(concat(command, " takes no argument but --json, got ", argument));
  }
  if (!arguments.empty()) {
    Json details = Json::array();
    for (const Listed& one : all) details.push_back(one.details);
    std::puts(details.dump(2).c_str());
    return 0;
  }
  size_t width = 0;
  for (const Listed& one : all) width = std::max(width, one.name.size());
  for (const Listed& one : all)
    std::printf("%-*s  %s\n", static_cast<int>(width), one.name.c_str(), one.summary.c_str());
  return 0;
}

}  // namespace

int methods(const std::vector<std::string>& arguments) {
  return print("methods", list_methods(), arguments);
}
int step_functions(const std::vector<std::string>& arguments) {
  return print("step-functions", list_step_functions(), arguments);
}
int models(const std::vector<std::string>& arguments) {
  return print("models", list_models(), arguments);
}

}  // namespace inseq::cli
