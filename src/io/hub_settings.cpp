#include "io/hub_settings.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>

#include "inseq/error.h"
#include "io/file.h"

namespace inseq::io {
namespace {

/// Value of an environment variable; "" when it is not set.
std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_true(std::string value) {
  std::transform(value.begin(), value.end(), value.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

std::string home_folder() {
  std::string home = variable("HOME");
  if (home.empty()) {
    const passwd* user = getpwuid(getuid());
    if (user != nullptr && user->pw_dir != nullptr) home = user->pw_dir;
  }
  INSEQ_CHECK(!home.empty(), InvalidArgument,
              "no home folder is known to keep models in; set HOME, or HF_HOME and XDG_CACHE_HOME");
  return home;
}

/// Replaces $NAME and ${NAME}; names that are not set stay as they are.
std::string expand_variables(const std::string& path) {
  std::string out;
  size_t i = 0;
  while (i < path.size()) {
    const size_t begin = i + (path.compare(i, 2, "${") == 0 ? 2 : 1);
    size_t end = begin;
    while (end < path.size() &&
           (std::isalnum(static_cast<unsigned char>(path[end])) || path[end] == '_')) {
      ++end;
    }
    const bool braced = begin == i + 2;
    const bool named = path[i] == '$' && end > begin && (!braced || path.compare(end, 1, "}") == 0);
    const std::string name = named ? path.substr(begin, end - begin) : "";
    if (named && std::getenv(name.c_str()) != nullptr) {
      out += variable(name.c_str());
      i = end + (braced ? 1 : 0);
    } else {
      out += path[i++];
    }
  }
  return out;
}

/// A path from the environment with ~ and variables replaced; "" when it is not set.
std::string path_variable(const char* name) {
  std::string path = variable(name);
  if (path == "~" || path.compare(0, 2, "~/") == 0) path.replace(0, 1, home_folder());
  return expand_variables(path);
}

std::string hugging_face_home() {
  const std::string home = path_variable("HF_HOME");
  return home.empty() ? user_cache_folder() + "/huggingface" : home;
}

std::string without_spaces(const std::string& text) {
  const char* spaces = " \t\r\n";
  const size_t begin = text.find_first_not_of(spaces);
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(spaces) - begin + 1);
}

}  // namespace

std::string user_cache_folder() {
  const std::string folder = path_variable("XDG_CACHE_HOME");
  return folder.empty() ? home_folder() + "/.cache" : folder;
}

HubSettings hub_settings() {
  HubSettings settings;
  settings.cache = path_variable("HF_HUB_CACHE");
  if (settings.cache.empty()) settings.cache = path_variable("HUGGINGFACE_HUB_CACHE");
  if (settings.cache.empty()) settings.cache = hugging_face_home() + "/hub";
  settings.endpoint = without_spaces(variable("HF_ENDPOINT"));
  if (settings.endpoint.empty()) settings.endpoint = "https://huggingface.co";
  while (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();
  const std::string offline = variable("HF_HUB_OFFLINE");  // its "0" beats the other one's "1"
  settings.offline = is_true(offline.empty() ? variable("TRANSFORMERS_OFFLINE") : offline);
  settings.symlinks = !is_true(variable("HF_HUB_DISABLE_SYMLINKS"));
  return settings;
}

std::string hub_token() {
  if (is_true(variable("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return "";
  std::string source = "HF_TOKEN";
  std::string token = without_spaces(variable("HF_TOKEN"));
  if (token.empty()) token = without_spaces(variable("HUGGING_FACE_HUB_TOKEN"));
  if (token.empty()) {
    source = path_variable("HF_TOKEN_PATH");
    if (source.empty()) source = hugging_face_home() + "/token";
    std::error_code ignored;
    if (!std::filesystem::exists(source, ignored)) return "";
    token = without_spaces(read_text(source, 1 << 16));
  }
  // It becomes part of a header line, so nothing but visible ASCII may be in it. It is never
  // printed.
  const bool visible =
      std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  INSEQ_CHECK(visible, InvalidArgument, source,
              ": the access token holds spaces or characters that are not ASCII; copy it again");
  return token;
}

}  // namespace inseq::io
