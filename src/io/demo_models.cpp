#include "io/demo_models.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/text_distance.h"
#include "inseq/error.h"

namespace inseq::io {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> places() {
  std::vector<fs::path> out;
  const char* chosen = std::getenv("INSEQ_DEMO_MODELS");
  if (chosen != nullptr && *chosen != '\0') return {chosen};
  std::error_code none;
  const fs::path program = fs::read_symlink("/proc/self/exe", none);
  if (!none) out.push_back(program.parent_path().parent_path() / "share/inseq/models");
#ifdef INSEQ_SOURCE_MODELS
  out.emplace_back(INSEQ_SOURCE_MODELS);
#endif
#ifdef INSEQ_INSTALLED_MODELS
  out.emplace_back(INSEQ_INSTALLED_MODELS);
#endif
  return out;
}

bool is_model(const fs::path& folder) {
  std::error_code none;
  return fs::is_regular_file(folder / "config.json", none);
}

}  // namespace

std::vector<std::string> demo_models() {
  std::set<std::string> names;
  for (const fs::path& place : places()) {
    std::error_code none;
    for (fs::directory_iterator entry(place, none); !none && entry != fs::directory_iterator();
         entry.increment(none)) {
      if (is_model(entry->path())) names.insert(entry->path().filename().string());
    }
  }
  return {names.begin(), names.end()};
}

std::string demo_model_folder(const std::string& name) {
  const std::vector<std::string> known = demo_models();
  if (std::find(known.begin(), known.end(), name) != known.end()) {
    for (const fs::path& place : places()) {
      if (is_model(place / name)) return (place / name).string();
    }
  }
  std::vector<std::string> looked;
  for (const fs::path& place : places()) looked.push_back(place.string());
  INSEQ_CHECK(!known.empty(), InvalidArgument, "the demo model \"", name,
              "\" is not there; looked in ", join_choices(looked),
              " (INSEQ_DEMO_MODELS names another folder)");
  throw InvalidArgument(concat("there is no demo model \"", name, "\"", did_you_mean(name, known),
                               "; there is ", join_choices(known)));
}

}  // namespace inseq::io
