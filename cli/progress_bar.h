#pragma once
#include <string>

#include "inseq/progress.h"

namespace inseq::cli {

/// Whether standard error is a terminal that can take back what it shows.
bool can_redraw();

/// A line on standard error that shows how far work has come; silent when that cannot redraw it.
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
