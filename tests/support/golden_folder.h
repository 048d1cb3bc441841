#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "inseq/error.h"

namespace inseq::test {

/// The path of a file or folder of tests/golden.
std::string golden_path(const std::string& name);

/// A JSON file of tests/golden.
nlohmann::ordered_json read_golden_json(const std::string& name);

/// Names of the JSON files of a folder of tests/golden, without ".json", sorted.
std::vector<std::string> golden_names(const std::string& folder);

}  // namespace inseq::test
