#pragma once
#include <cstdint>
#include <functional>
#include <string>

namespace inseq {

/// How far a long piece of work has come.
struct Progress {
  std::string task;   ///< what is being done, e.g. "Attributing with saliency"
  int64_t done = 0;   ///< units finished
  int64_t total = 0;  ///< units in all; 0 when unknown
  std::string unit;   ///< what is counted: "steps", "tokens", "bytes"
};

/// Called from time to time by long work. It may throw (Interrupted, say) to stop the work.
using ProgressCallback = std::function<void(const Progress&)>;

/// Calls `callback` when there is one.
inline void report(const ProgressCallback& callback, const Progress& progress) {
  if (callback) callback(progress);
}

}  // namespace inseq
