#pragma once
#include <string>

namespace inseq::render {

/// Which colours the reader's terminal can show.
enum class ColourMode { kNone, k256, kTrueColour };

/// What is known about the place that output goes to.
struct TerminalInfo {
  bool is_terminal = false;  ///< false for files and pipes
  int width = 80;            ///< columns
  std::string no_color;      ///< $NO_COLOR; anything but "" switches colours off (no-color.org)
  std::string colorterm;     ///< $COLORTERM
  std::string term;          ///< $TERM
};

/// Asks the operating system and the environment about a file descriptor (1 is standard output).
TerminalInfo detect_terminal(int descriptor);

/// The best colours that the terminal says it can show; none for files, pipes and when $NO_COLOR is
/// set.
ColourMode choose_colour(const TerminalInfo& terminal);

}  // namespace inseq::render
