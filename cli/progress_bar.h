#pragma once
#include <string>

#include "inseq/progress.h"

namespace inseq::cli {

/// A line on standard error that shows how far work has come; silent when that is not a terminal.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar() { finish(); }
  ProgressCallback callback();
  /// Removes the line.
  void finish();

 private:
  void draw(const Progress& progress);
  bool visible_ = false;
  bool drawn_ = false;
  std::string last_;
};

}  // namespace inseq::cli
