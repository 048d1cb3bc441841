#include "support/run_program.h"

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace inseq::test {
namespace {

/// A pipe or pseudo-terminal that the program writes to and we read from.
class Channel {
 public:
  explicit Channel(int columns) {
    int ends[2];
    if (columns > 0) {
      winsize size{};
      size.ws_col = static_cast<unsigned short>(columns);
      size.ws_row = 50;
      if (openpty(&ends[0], &ends[1], nullptr, nullptr, &size) != 0) fail("openpty");
      termios mode{};
      tcgetattr(ends[1], &mode);
      mode.c_oflag &= ~static_cast<tcflag_t>(OPOST);  // line ends arrive as they were written
      tcsetattr(ends[1], TCSANOW, &mode);
    } else if (pipe(ends) != 0) {
      fail("pipe");
    }
    read_end_ = ends[0];
    write_end_ = ends[1];
  }
  ~Channel() {
    close_write_end();
    close_read_end();
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  static void fail(const char* what) { throw std::runtime_error(std::string(what) + " failed"); }
  int read_end() const { return read_end_; }
  int write_end() const { return write_end_; }
  void close_write_end() { close_once(write_end_); }
  void close_read_end() { close_once(read_end_); }

  /// Takes what is there into `text`; closes the channel at its end (a pseudo-terminal ends with an
  /// error).
  void take(std::string& text) {
    char buffer[4096];
    const ssize_t count = read(read_end_, buffer, sizeof buffer);
    if (count <= 0) return close_read_end();
    text.append(buffer, static_cast<size_t>(count));
  }

 private:
  static void close_once(int& descriptor) {
    if (descriptor >= 0) close(descriptor);
    descriptor = -1;
  }
  int read_end_ = -1, write_end_ = -1;
};

[[noreturn]] void become(const std::string& path, const std::vector<std::string>& arguments,
                         const RunOptions& options, const Channel& out, const Channel& err) {
  dup2(out.write_end(), STDOUT_FILENO);
  dup2(err.write_end(), STDERR_FILENO);
  for (int descriptor = 3; descriptor < 64; ++descriptor) close(descriptor);
  for (const char* name : {"NO_COLOR", "COLORTERM", "COLUMNS"}) unsetenv(name);
  setenv("TERM", "xterm-256color", 1);
  std::signal(SIGHUP, SIG_DFL);  // nohup has it ignored, and the program leaves that so
  for (const auto& [name, value] : options.environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> words{const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  execv(path.c_str(), words.data());
  _exit(127);
}

void collect(pid_t child, const RunOptions& options, Channel& out, Channel& err,
             RunResult& result) {
  bool signalled = options.signal_when.empty();
  while (out.read_end() >= 0 || err.read_end() >= 0) {
    pollfd waiting[2] = {{out.read_end(), POLLIN, 0}, {err.read_end(), POLLIN, 0}};
    poll(waiting, 2, -1);
    if (waiting[0].revents != 0) out.take(result.out);
    if (waiting[1].revents != 0) err.take(result.err);
    if (!signalled && result.err.find(options.signal_when) != std::string::npos) {
      kill(child, options.signal);
      signalled = true;
    }
  }
}

}  // namespace

RunResult run_program(const std::string& path, const std::vector<std::string>& arguments,
                      const RunOptions& options) {
  Channel out(options.out_columns), err(options.err_columns);
  if (options.closed_out) out.close_read_end();
  const pid_t child = fork();
  if (child < 0) Channel::fail("fork");
  if (child == 0) become(path, arguments, options, out, err);
  out.close_write_end();
  err.close_write_end();
  RunResult result;
  collect(child, options, out, err, result);
  int status = 0;
  waitpid(child, &status, 0);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (result.exit_code == 127) throw std::runtime_error("cannot run " + path);
  return result;
}

}  // namespace inseq::test
