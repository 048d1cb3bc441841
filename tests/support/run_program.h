#pragma once
#include <csignal>
#include <map>
#include <string>
#include <vector>

namespace inseq::test {

/// How a program is started.
struct RunOptions {
  std::map<std::string, std::string> environment = {};  ///< set on top of this process's own
  int out_columns = 0;  ///< more: standard output is a pseudo-terminal of this width
  int err_columns = 0;  ///< more: standard error is one
  /// Not empty: `signal` is sent as soon as this text has appeared on standard error.
  std::string signal_when = "";
  int signal = SIGINT;
  bool closed_out = false;  ///< standard output is a pipe that nobody reads
};

/// What came of it.
struct RunResult {
  int exit_code = -1;  ///< 128 + the signal's number when a signal ended it
  std::string out, err;
};

/// Runs a program to its end. Throws std::runtime_error when it cannot be started. Colour and width
/// settings of the environment are not handed on.
RunResult run_program(const std::string& path, const std::vector<std::string>& arguments,
                      const RunOptions& options = {});

}  // namespace inseq::test
