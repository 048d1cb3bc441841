#include "io/hub_download.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "io/checksum.h"
#include "io/download.h"
#include "io/file.h"
#include "io/hub_cache.h"
#include "io/hub_files.h"
#include "io/hub_lock.h"

namespace inseq::io {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxListing = size_t{64} << 20;      // bytes of JSON
constexpr int64_t kMaxFile = int64_t{1} << 50;        // bytes; sums of thousands of them fit
constexpr uintmax_t kMaxIndex = uintmax_t{64} << 20;  // bytes of JSON

/// One file of a snapshot, as the server describes it.
struct RemoteFile {
  std::string name;
  std::string etag;
  int64_t size = -1;
};

int64_t parse_size(const std::string& text) {
  int64_t size = -1;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), size);
  return code == std::errc() && end == text.data() + text.size() ? size : -1;
}

/// W/"abc" -> abc. It becomes a file name, so nothing else than letters, digits, - _ and . is
/// taken.
std::string etag_of(const HttpResponse& answer) {
  std::string etag = answer.header("x-linked-etag");
  if (etag.empty()) etag = answer.header("etag");
  if (etag.starts_with("W/")) etag.erase(0, 2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  const bool plain = std::all_of(etag.begin(), etag.end(), [](unsigned char c) {
    return c < 128 && (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.');
  });
  return plain && !etag.empty() && etag.size() <= 128 && etag.front() != '.' ? etag : "";
}

class HubDownload {
 public:
  explicit HubDownload(const HubRequest& request)
      : request_(request),
        cache_(request.settings.cache, request.id),
        token_(hub_token()),
        client_(token_, [this] { show(); }, request.settings.retry_pause) {}

  std::string run() {
    const std::vector<std::string> names = list();
    cache_.create();
    std::vector<std::string> wanted;
    if (request_.file.empty()) {
      const ModelFiles files = choose_model_files(names, request_.id);
      wanted = files.small;
      if (files.sharded) {
        fetch({files.weights});
        for (std::string& shard : shards(files.weights, names)) wanted.push_back(std::move(shard));
      }
      wanted.push_back(files.weights);
    } else {
      check_has_file(names);
      wanted = {request_.file};
    }
    fetch(wanted);
    cache_.write_ref(request_.revision, commit_);  // last: a ref stands for a whole snapshot
    return cache_.snapshot(commit_);
  }

 private:
  void show() { report(request_.progress, progress_); }

  std::string url_of(const std::string& kind, const std::string& rest) const {
    return request_.settings.endpoint + "/" + kind + request_.id + rest;
  }

  /// Whether the snapshot has the file already; a broken link does not count.
  bool has_file(const std::string& name) const {
    std::error_code ignored;
    return fs::exists(cache_.snapshot(commit_) + "/" + name, ignored);
  }

  /// The repository's file names; notes the commit that the revision stands for.
  std::vector<std::string> list();
  std::vector<std::string> shards(const std::string& index, const std::vector<std::string>& names);
  void check_has_file(const std::vector<std::string>& names) const;
  void fetch(const std::vector<std::string>& names);
  RemoteFile describe(const std::string& name);
  void check_room(const std::vector<RemoteFile>& files) const;
  void fetch_one(const RemoteFile& file);
  [[noreturn]] void refuse(const HttpResponse& answer, const std::string& what) const;

  const HubRequest& request_;
  const HubCache cache_;
  const std::string token_;
  HttpClient client_;
  std::string commit_;
  Progress progress_{.task = "Looking for the model on the hub", .unit = "bytes"};
};

std::vector<std::string> HubDownload::list() {
  progress_.task = concat("Asking ", request_.settings.endpoint, " for ", request_.id);
  show();
  const std::string url = url_of("api/models/", "/revision/" + percent_encode(request_.revision));
  const HttpResponse answer = client_.send({.url = url}, kMaxListing);
  if (!answer.ok()) refuse(answer, "");
  const nlohmann::json info = nlohmann::json::parse(answer.text, nullptr, false);
  const bool usable = info.is_object() && info.contains("sha") && info["sha"].is_string() &&
                      info.contains("siblings") && info["siblings"].is_array();
  INSEQ_CHECK(
      usable && is_hex(info["sha"].get<std::string>(), 40), FormatError, url,
      ": the answer is no description of a model (\"sha\" with a commit and \"siblings\" with "
      "files are needed); check HF_ENDPOINT");
  commit_ = info["sha"].get<std::string>();
  std::vector<std::string> names;
  for (const auto& file : info["siblings"]) {
    if (file.is_object() && file.contains("rfilename") && file["rfilename"].is_string()) {
      names.push_back(file["rfilename"].get<std::string>());
    }
  }
  return names;
}

std::vector<std::string> HubDownload::shards(const std::string& index,
                                             const std::vector<std::string>& names) {
  const std::string path = cache_.snapshot(commit_) + "/" + index;
  std::vector<std::string> shards = shards_of_index(read_text(path, kMaxIndex), path);
  for (const std::string& shard : shards) {
    INSEQ_CHECK(std::find(names.begin(), names.end(), shard) != names.end(), FormatError, path,
                ": names the shard \"", shard, "\", which the hub model \"", request_.id,
                "\" does not have");
  }
  return shards;
}

void HubDownload::check_has_file(const std::vector<std::string>& names) const {
  if (std::find(names.begin(), names.end(), request_.file) != names.end()) return;
  std::vector<std::string> gguf;
  for (const std::string& name : names) {
    if (name.ends_with(".gguf") && is_safe_file_name(name)) gguf.push_back(name);
  }
  throw InvalidArgument(concat("the hub model \"", request_.id, "\" has no file \"", request_.file,
                               "\"; ",
                               gguf.empty() ? "it has no GGUF files" : "it has " + some_of(gguf)));
}

/// Fetches those of the files that the snapshot lacks, in the order given: weights come last, so a
/// snapshot that has them has all.
void HubDownload::fetch(const std::vector<std::string>& names) {
  std::vector<RemoteFile> missing;
  progress_ = {.task = "Downloading " + request_.id, .unit = "bytes"};
  for (const std::string& name : names) {
    if (has_file(name)) continue;
    show();
    missing.push_back(describe(name));
    progress_.total += std::max<int64_t>(0, missing.back().size);
  }
  check_room(missing);
  for (const RemoteFile& file : missing) fetch_one(file);
}

RemoteFile HubDownload::describe(const std::string& name) {
  const std::string url = url_of("", "/resolve/" + commit_ + "/" + percent_encode(name, "/"));
  const HttpResponse answer = client_.send({.url = url, .head = true});
  // The hub answers with a redirect to where a large file is, and says here what it is.
  const bool linked = answer.failure.empty() && answer.status >= 300 && answer.status < 400 &&
                      !answer.header("x-linked-etag").empty();
  if (!answer.ok() && !linked) refuse(answer, name);
  const std::string commit = answer.header("x-repo-commit");
  INSEQ_CHECK(commit.empty() || commit == commit_, FormatError, url, ": belongs to commit ",
              excerpt(commit), ", asked for was ", commit_);
  RemoteFile file{.name = name, .etag = etag_of(answer)};
  INSEQ_CHECK(!file.etag.empty(), FormatError, url,
              ": the server gives no usable ETag to check the file with; check HF_ENDPOINT");
  const std::string size = answer.header("x-linked-size");
  file.size = parse_size(!size.empty() ? size : linked ? "" : answer.header("content-length"));
  INSEQ_CHECK(file.size >= -1 && file.size <= kMaxFile, FormatError, url, ": the server announces ",
              file.size, " bytes");
  return file;
}

/// Says so before the first byte when the disk is too small.
void HubDownload::check_room(const std::vector<RemoteFile>& files) const {
  int64_t needed = 0;
  for (const RemoteFile& file : files) {
    std::error_code failure;
    if (fs::exists(cache_.blob(file.etag), failure)) continue;
    const auto there = fs::file_size(cache_.blob(file.etag) + ".incomplete", failure);
    needed += std::max<int64_t>(0, file.size - (failure ? 0 : static_cast<int64_t>(there)));
  }
  std::error_code failure;
  const auto room = fs::space(cache_.folder(), failure).available;
  if (!failure && needed > 0 && static_cast<uintmax_t>(needed) > room) {
    throw DownloadError(
        concat("\"", request_.id, "\" needs ", needed, " bytes in ", cache_.folder(), ", where ",
               room, " are free; make room, or set HF_HUB_CACHE to a folder on another disk"));
  }
}

void HubDownload::fetch_one(const RemoteFile& file) {
  const int64_t before = progress_.done;
  progress_.task = concat("Downloading ", request_.id, ": ", file.name);
  show();
  const Progress waiting{.task = concat("Waiting for another process that downloads ", file.name),
                         .unit = "bytes"};
  const FileLock lock(cache_.lock(file.etag), [&] { report(request_.progress, waiting); });
  if (has_file(file.name)) return;
  std::error_code ignored;
  if (!fs::exists(cache_.blob(file.etag), ignored)) {
    FileDownload download;
    download.url = url_of("", "/resolve/" + commit_ + "/" + percent_encode(file.name, "/"));
    download.path = cache_.blob(file.etag);
    download.label = request_.id + "/" + file.name;
    download.size = file.size;
    download.checksum = file.etag;
    download.on_bytes = [&](int64_t bytes) { progress_.done = before + bytes; };
    download_file(client_, download);
  }
  if (file.size >= 0) progress_.done = before + file.size;
  show();
  cache_.add_to_snapshot(commit_, file.name, file.etag, request_.settings.symlinks);
}

/// Says why the hub gives no model ("what" is empty) or no file.
void HubDownload::refuse(const HttpResponse& answer, const std::string& what) const {
  const std::string& endpoint = request_.settings.endpoint;
  const std::string subject =
      what.empty() ? "\"" + request_.id + "\"" : "\"" + request_.id + "/" + what + "\"";
  const std::string code = answer.header("x-error-code");
  const std::string happened = concat(endpoint, ": ", answer.what_happened());
  const std::string tried = request_.tried.empty() ? "" : "; " + request_.tried;
  if (!answer.failure.empty() ||
      (answer.status != 401 && answer.status != 403 && answer.status != 404)) {
    throw DownloadError(concat(subject, " cannot be downloaded: ", happened, tried,
                               answer.failure.empty() ? "" : "; is there a network?"));
  }
  if (code == "RevisionNotFound") {
    throw InvalidArgument(concat("the hub model ", subject, " has no revision \"",
                                 request_.revision, "\" (", happened, ")", tried));
  }
  if (code == "GatedRepo" || answer.status == 403) {
    throw InvalidArgument(
        concat(subject, " is gated or private (", happened, "); ask for access at ", endpoint, "/",
               request_.id,
               token_.empty()
                   ? ", then set HF_TOKEN to your access token"
                   : "; the access token that was sent (HF_TOKEN or the token file) is not enough",
               tried));
  }
  if (answer.status == 401) {
    throw InvalidArgument(concat(
        "there is no hub model ", subject, ", or it is private (", happened, ")", tried,
        token_.empty() ? "; check the name, or set HF_TOKEN to an access token that may read it"
                       : "; check the name and the access token (HF_TOKEN or the token file)"));
  }
  throw InvalidArgument(concat("there is no hub model ", subject, " (", happened, ")", tried));
}

}  // namespace

std::string download_from_hub(const HubRequest& request) { return HubDownload(request).run(); }

}  // namespace inseq::io
