// The program `inseq`.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <map>

#include "base/display_width.h"
#include "base/text_distance.h"
#include "commands.h"
#include "inseq/error.h"
#include "inseq/process_memory.h"
#include "io/file.h"
#include "options.h"
#include "progress_bar.h"

namespace inseq::cli {
namespace {

constexpr int kFailed = 1, kWrongUsage = 2;

constexpr const char* kHelp =
    "Explains which input tokens a language model looked at when it generated each token.\n"
    "\n"
    "usage: inseq <command> [options]\n"
    "\n"
    "  inseq attribute -i \"The capital of France is\"    generate with the default model and "
    "explain\n"
    "  inseq attribute --help                           all options\n"
    "  inseq methods                                    attribution methods there are\n"
    "  inseq methods --json                             the same with their options, for programs\n"
    "  inseq step-functions                             scores that can be attributed or reported\n"
    "  inseq models                                     model classes there are\n"
    "  inseq --version\n";

using Command = int (*)(const std::vector<std::string>&);

const std::map<std::string, Command>& commands() {
  static const std::map<std::string, Command> all = {{"attribute", attribute},
                                                     {"methods", methods},
                                                     {"step-functions", step_functions},
                                                     {"models", models}};
  return all;
}

int terminal_width() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 40;
  return std::min(known ? static_cast<int>(size.ws_col) : 100, 120);
}

void print_attribute_help() {
  std::printf(
      "Explains texts with a model: which input tokens mattered\nfor each generated token.\n\n"
      "usage: inseq attribute -i TEXT... [options]\n\n%s\n"
      "Options without a value may be followed by true or false.\n"
      "Names may be shortened, and written with - for _.\n",
      help_of(attribute_options(), terminal_width()).c_str());
}

bool asks_for_help(const std::vector<std::string>& arguments) {
  return std::any_of(arguments.begin(), arguments.end(),
                     [](const std::string& a) { return a == "--help" || a == "-h"; });
}

int run(std::vector<std::string> arguments) {
  if (arguments.empty()) {
    std::fputs(kHelp, stderr);
    return kWrongUsage;
  }
  std::string name = arguments[0];
  arguments.erase(arguments.begin());
  if (name == "--version") {
    std::printf("inseq %s\n", INSEQ_VERSION);
    return 0;
  }
  if (name == "--help" || name == "-h" || name == "help") {
    std::fputs(kHelp, stdout);
    return 0;
  }
  if (name.starts_with("-")) {
    throw UsageError(
        concat("option ", name, " needs a command before it, for example: inseq attribute ", name));
  }
  std::replace(name.begin(), name.end(), '_', '-');
  if (name == "attribute-dataset" || name == "attribute-context") {
    throw Unsupported(
        concat("the command ", name, " is not available in this version; there is attribute"));
  }
  const auto found = commands().find(name);
  if (found == commands().end()) {
    std::vector<std::string> names;
    for (const auto& [known, command] : commands()) names.push_back(known);
    throw UsageError(concat("unknown command \"", name, "\"", did_you_mean(name, names),
                            " (inseq --help lists all)"));
  }
  if (asks_for_help(arguments)) {
    if (name == "attribute") {
      print_attribute_help();
    } else {
      std::fputs(kHelp, stdout);
    }
    return 0;
  }
  return found->second(arguments);
}

/// Files appear only when they are finished, so stopping at once leaves nothing half-written.
void stop_at_once(int signal) {
  io::remove_unfinished_files();
  const int code = 128 + signal;  // as shells count: 130 for Ctrl-C
  const char line[] = "\ninseq: interrupted\n";
  if (write(STDERR_FILENO, line, sizeof line - 1) < 0) _exit(code);
  _exit(code);
}

/// Ctrl-C, kill, and a terminal that is closed, which nohup has the program ignore.
void stop_on_signals() {
  std::signal(SIGINT, stop_at_once);
  std::signal(SIGTERM, stop_at_once);
  if (std::signal(SIGHUP, stop_at_once) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
}

/// One line, whatever went wrong: names and texts in it may hold anything.
int told(const std::string& message, int code) {
  std::fflush(stdout);
  std::fprintf(stderr, "%sinseq: %s\n", can_redraw() ? "\r\x1b[K" : "", printable(message).c_str());
  return code;
}

constexpr const char* kOutOfMemory =
    "out of memory; a smaller --memory_limit or --batch_size, or --dtype bfloat16, may help";

/// LibTorch has no one type for it: a graphics card's allocator says the first, main memory's the
/// second.
bool tells_of_memory(const std::string& what) {
  return what.find("out of memory") != std::string::npos ||
         what.find("can't allocate memory") != std::string::npos;
}

int guarded(const std::vector<std::string>& arguments) {
  try {
    const int code = run(arguments);
    // The flag stays from earlier writes, whose bytes a full disk has swallowed.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      return told("standard output could not be written", kFailed);
    return code;
  } catch (const UsageError& error) {
    return told(error.what(), kWrongUsage);
  } catch (const InvalidOption& error) {
    return told(error.what(), kWrongUsage);
  } catch (const Error& error) {
    return told(error.what(), kFailed);
  } catch (const std::bad_alloc&) {
    return told(kOutOfMemory, kFailed);
  } catch (const std::exception& error) {
    const std::string what = error.what();  // LibTorch's goes on with a stack trace
    if (tells_of_memory(what)) return told(kOutOfMemory, kFailed);
    return told(concat("this should not have happened, please report it: ",
                       what.substr(0, what.find('\n'))),
                kFailed);
  }
}

}  // namespace
}  // namespace inseq::cli

int main(int argc, char** argv) {
  inseq::prepare_process_memory();
  inseq::cli::stop_on_signals();
  const int code = inseq::cli::guarded(std::vector<std::string>(argv + 1, argv + argc));
  std::fflush(stderr);
  _exit(code);  // LibTorch's destructors would take 70 ms
}
