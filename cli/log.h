#pragma once
#include <string>

namespace inseq::cli {

/// 0: warnings only; 1: also what is being done; 2: also details.
void set_verbosity(int level);

// Lines on standard error.
void log_warning(const std::string& message);
void log_info(const std::string& message);
void log_debug(const std::string& message);

}  // namespace inseq::cli
