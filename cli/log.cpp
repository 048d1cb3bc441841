#include "log.h"

#include <cstdio>

#include "base/display_width.h"

namespace inseq::cli {
namespace {
int verbosity = 0;  // set once, before any work starts

void line(const char* level, const std::string& message) {
  std::fprintf(stderr, "inseq: %s%s\n", level, message.c_str());
}
}  // namespace

void set_verbosity(int level) { verbosity = level; }
void log_warning(const std::string& message) { line("warning: ", printable(message)); }
void log_info(const std::string& message) {
  if (verbosity >= 1) line("", printable(message));
}
void log_debug(const std::string& message) {
  if (verbosity >= 2) line("", message);
}

}  // namespace inseq::cli
