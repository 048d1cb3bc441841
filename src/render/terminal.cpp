#include "render/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace inseq::render {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

TerminalInfo detect_terminal(int descriptor) {
  TerminalInfo info;
  info.is_terminal = ::isatty(descriptor) == 1;
  info.no_color = environment("NO_COLOR");
  info.colorterm = environment("COLORTERM");
  info.term = environment("TERM");
  winsize size{};
  if (info.is_terminal && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    info.width = size.ws_col;
  } else if (const int columns = std::atoi(environment("COLUMNS").c_str()); columns > 0) {
    info.width = columns;
  }
  return info;
}

ColourMode choose_colour(const TerminalInfo& terminal) {
  if (!terminal.is_terminal || !terminal.no_color.empty()) return ColourMode::kNone;
  if (terminal.colorterm == "truecolor" || terminal.colorterm == "24bit")
    return ColourMode::kTrueColour;
  const auto term_has = [&](const char* part) {
    return terminal.term.find(part) != std::string::npos;
  };
  if (term_has("direct") || term_has("kitty") || term_has("alacritty"))
    return ColourMode::kTrueColour;
  for (const char* known : {"256color", "xterm", "screen", "tmux", "rxvt"}) {
    if (term_has(known)) return ColourMode::k256;
  }
  return ColourMode::kNone;
}

}  // namespace inseq::render
