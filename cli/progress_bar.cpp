#include "progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/memory.h"

namespace inseq::cli {
namespace {

constexpr int kBarWidth = 24;

int terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string amount(const Progress& p) {
  if (p.unit == "bytes")
    return bytes_text(p.done) + (p.total > 0 ? " of " + bytes_text(p.total) : "");
  return std::to_string(p.done) + (p.total > 0 ? "/" + std::to_string(p.total) : "") + " " + p.unit;
}

}  // namespace

bool can_redraw() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string(terminal) != "dumb";
}

ProgressBar::ProgressBar() : visible_(can_redraw()) {}

ProgressCallback ProgressBar::callback() {
  if (!visible_) return {};
  return [this](const Progress& progress) { draw(progress); };
}

void ProgressBar::draw(const Progress& p) {
  std::string line = p.task + " ";
  if (p.total > 0) {
    const int filled =
        static_cast<int>(std::clamp<int64_t>(p.done * kBarWidth / p.total, 0, kBarWidth));
    for (int i = 0; i < kBarWidth; ++i) line += i < filled ? "█" : "░";
    line += " ";
  }
  line += amount(p);
  if (line == last_) return;
  last_ = line;
  const int room = terminal_width();
  const int columns =
      static_cast<int>(line.size()) - (p.total > 0 ? 2 * kBarWidth : 0);  // blocks take three bytes
  if (columns >= room) line = amount(p).substr(0, static_cast<size_t>(std::max(1, room - 1)));
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
  drawn_ = true;
}

void ProgressBar::finish() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

}  // namespace inseq::cli
