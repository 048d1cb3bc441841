#pragma once
#include <string>
#include <vector>

namespace inseq::cli {

// Commands: each takes the arguments after its name and returns the program's exit code.
int attribute(const std::vector<std::string>& arguments);
int methods(const std::vector<std::string>& arguments);
int step_functions(const std::vector<std::string>& arguments);
int models(const std::vector<std::string>& arguments);

}  // namespace inseq::cli
