#pragma once
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/temporary_folder.h"

extern char** environ;

namespace inseq::testing {

using test::TemporaryFolder;

/// Sets environment variables, and puts back what was there at the end.
class Environment {
 public:
  ~Environment() {
    for (const auto& [name, value] : before_) put(name, value);
  }
  /// nullptr unsets it.
  void set(const std::string& name, const char* value) {
    if (!before_.contains(name))
      before_[name] =
          std::getenv(name.c_str()) == nullptr ? Value{} : Value{true, std::getenv(name.c_str())};
    put(name, value == nullptr ? Value{} : Value{true, value});
  }
  void set(const std::string& name, const std::string& value) { set(name, value.c_str()); }

 private:
  struct Value {
    bool is_set = false;
    std::string text;
  };
  static void put(const std::string& name, const Value& value) {
    value.is_set ? setenv(name.c_str(), value.text.c_str(), 1) : unsetenv(name.c_str());
  }
  std::map<std::string, Value> before_;
};

/// tests/support/http/server.py in a process of its own: a local web server that answers as told.
class TestServer {
 public:
  using Json = nlohmann::json;

  TestServer() {
    write_script();
    int ends[2];
    int input[2];
    if (pipe2(ends, O_CLOEXEC) != 0 || pipe2(input, O_CLOEXEC) != 0) {
      throw std::runtime_error("no pipe");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, input[0], 0);
    const std::string program = INSEQ_TEST_DIR "/support/http/server.py";
    const std::string script = script_path();
    const std::string log = log_path();
    const char* arguments[] = {"python3", program.c_str(), script.c_str(), log.c_str(), nullptr};
    const int failed = posix_spawnp(&process_, "python3", &actions, nullptr,
                                    const_cast<char* const*>(arguments), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    close(input[0]);
    input_ = input[1];
    std::string port;
    for (char c = 0; failed == 0 && read(ends[0], &c, 1) == 1 && c != '\n';) port += c;
    close(ends[0]);
    if (port.empty()) throw std::runtime_error("tests/support/http/server.py needs python3");
    address_ = "http://127.0.0.1:" + port;
    port_ = port;
  }
  ~TestServer() {
    close(input_);
    kill(process_, SIGTERM);
    waitpid(process_, nullptr, 0);
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  /// "http://127.0.0.1:1234"
  const std::string& address() const { return address_; }
  const std::string& port() const { return port_; }

  /// The answers to requests for a route, in turn: "/path", or "HEAD /path" for one method.
  void answer(const std::string& route, const std::vector<Json>& answers) {
    routes_[route] = answers;
    write_script();
  }

  /// The requests so far, as "GET /path".
  std::vector<std::string> requests() const {
    std::vector<std::string> all;
    for (const Json& entry : log()) {
      all.push_back(entry["method"].get<std::string>() + " " + entry["path"].get<std::string>());
    }
    return all;
  }
  /// The values of a header (by lower-case name) in the requests "GET /path"; "" where it was
  /// absent.
  std::vector<std::string> header(const std::string& request, const std::string& name) const {
    std::vector<std::string> values;
    for (const Json& entry : log()) {
      const std::string made =
          entry["method"].get<std::string>() + " " + entry["path"].get<std::string>();
      if (made == request) values.push_back(entry["headers"].value(name, ""));
    }
    return values;
  }
  void forget_requests() { std::filesystem::remove(log_path()); }
  /// Back to a server without routes or requests.
  void reset() {
    routes_ = Json::object();
    write_script();
    forget_requests();
  }

 private:
  std::string script_path() const { return folder_.path() + "/script.json"; }
  std::string log_path() const { return folder_.path() + "/log"; }

  void write_script() {
    std::ofstream(script_path() + ".new") << Json{{"id", ++id_}, {"routes", routes_}};
    std::filesystem::rename(script_path() + ".new", script_path());
  }
  std::vector<Json> log() const {
    std::vector<Json> entries;
    std::ifstream file(log_path());
    for (std::string line; std::getline(file, line);) entries.push_back(Json::parse(line));
    return entries;
  }

  TemporaryFolder folder_;
  Json routes_ = Json::object();
  int id_ = 0;
  pid_t process_ = -1;
  int input_ = -1;  // the server ends when nobody holds this any more
  std::string address_;
  std::string port_;
};

/// One server for all tests of a program.
inline TestServer& shared_server() {
  static TestServer server;
  return server;
}

inline std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_content(const std::string& path, const std::string& content) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

/// The bytes that a server's answer {"fill": size} has.
inline std::string fill_pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    const size_t at = i % 4096;
    bytes[i] = static_cast<char>((at * 7 + at / 256) % 251);
  }
  return bytes;
}

}  // namespace inseq::testing
