#include "support/golden_folder.h"

#include <algorithm>
#include <filesystem>

#include "io/file.h"

namespace inseq::test {

namespace fs = std::filesystem;

std::string golden_path(const std::string& name) {
  return concat(INSEQ_TEST_DIR, "/golden/", name);
}

nlohmann::ordered_json read_golden_json(const std::string& name) {
  return nlohmann::ordered_json::parse(io::read_text(golden_path(name)));
}

std::vector<std::string> golden_names(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& file : fs::directory_iterator(golden_path(folder))) {
    if (file.path().extension() == ".json") names.push_back(file.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace inseq::test
