#include "io/hub_cache.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "io/checksum.h"
#include "io/file.h"
#include "io/hub_files.h"
#include "io/hub_http.h"

namespace inseq::io {
namespace {

namespace fs = std::filesystem;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// A name's part: letters, digits, - _ and . with a letter, digit or _ at both ends.
bool is_name_part(std::string_view part) {
  return !part.empty() && part.size() <= 96 && is_word(part.front()) && is_word(part.back()) &&
         std::all_of(part.begin(), part.end(),
                     [](char c) { return is_word(c) || c == '-' || c == '.'; });
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

void check(const std::error_code& failure, const std::string& path) {
  if (failure) {
    throw DownloadError(concat(path, ": cannot be made: ", failure.message(),
                               "; set HF_HUB_CACHE to a folder that can be written"));
  }
}

void create_folders(const fs::path& path) {
  std::error_code failure;
  fs::create_directories(path, failure);
  check(failure, path.string());
}

}  // namespace

bool is_hub_name(std::string_view text) {
  const size_t slash = text.find('/');
  const bool parts = slash == std::string_view::npos ? is_name_part(text)
                                                     : is_name_part(text.substr(0, slash)) &&
                                                           is_name_part(text.substr(slash + 1));
  return parts && text.find("--") == text.npos && text.find("..") == text.npos &&
         !text.ends_with(".git");
}

bool is_revision(std::string_view text) {
  return is_safe_file_name(text) && text.find("..") == text.npos && !text.ends_with(".lock");
}

HubCache::HubCache(const std::string& cache, const std::string& id) {
  const std::string name = "models--" + replaced(id, "/", "--");
  folder_ = cache + "/" + name;
  locks_ = cache + "/.locks/" + name;
}

std::string HubCache::commit_of(const std::string& revision) const {
  std::error_code ignored;
  std::string commit = revision;
  const std::string ref = folder_ + "/refs/" + revision;
  if (fs::is_regular_file(ref, ignored)) {
    commit = read_text(ref, 1 << 12);
    while (!commit.empty() && std::isspace(static_cast<unsigned char>(commit.back()))) {
      commit.pop_back();
    }
  }
  // Whatever stands in the file, it must be one folder's name.
  const bool usable = is_hex(commit, 40) && fs::is_directory(snapshot(commit), ignored);
  return usable ? commit : "";
}

std::vector<std::string> HubCache::revisions() const { return names_in(folder_ + "/refs"); }

void HubCache::create() const {
  create_folders(folder_ + "/blobs");
  create_folders(locks_);
}

void HubCache::add_to_snapshot(const std::string& commit, const std::string& file,
                               const std::string& etag, bool symlinks) const {
  const fs::path link = snapshot(commit) + "/" + file;
  create_folders(link.parent_path());
  std::error_code failure;
  if (symlinks) {
    std::string target = "../../blobs/" + etag;
    for (const char c : file) {
      if (c == '/') target.insert(0, "../");
    }
    // A broken link may be there: a finished one takes its place at once.
    const fs::path fresh = concat(link.string(), ".", getpid(), ".tmp");
    fs::remove(fresh, failure);
    fs::create_symlink(target, fresh, failure);
    if (!failure) {
      fs::rename(fresh, link, failure);
      return check(failure, link.string());
    }
  }
  fs::rename(blob(etag), link, failure);  // a file system without links
  check(failure, link.string());
}

void HubCache::write_ref(const std::string& revision, const std::string& commit) const {
  if (revision == commit) return;
  const fs::path ref = folder_ + "/refs/" + revision;
  create_folders(ref.parent_path());
  write_file(ref.string(), commit);
}

std::vector<std::string> cached_models(const std::string& cache) {
  std::vector<std::string> models;
  const std::string prefix = "models--";
  for (const std::string& name : names_in(cache)) {
    if (name.starts_with(prefix)) models.push_back(replaced(name.substr(prefix.size()), "--", "/"));
  }
  return models;
}

}  // namespace inseq::io
