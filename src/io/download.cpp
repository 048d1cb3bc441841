#include "io/download.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "io/checksum.h"

namespace inseq::io {
namespace {

constexpr int64_t kWorthARetry = 1 << 20;  // bytes that arrived since the last failure

/// The bytes that have arrived so far, in a file that is opened for appending.
class PartFile {
 public:
  explicit PartFile(const FileDownload& file)
      : path_(file.path + ".incomplete"),
        handle_(open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666)) {
    struct stat info = {};
    if (handle_ >= 0 && fstat(handle_, &info) == 0) size_ = info.st_size;
    if (handle_ < 0) fail(errno);
  }
  ~PartFile() {
    if (handle_ >= 0) close(handle_);
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  const std::string& path() const { return path_; }
  int64_t size() const { return size_; }

  void append(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = write(handle_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(errno);
      size_ += written;
      bytes.remove_prefix(static_cast<size_t>(written));
    }
  }

  void clear() {
    if (ftruncate(handle_, 0) != 0) fail(errno);
    size_ = 0;
  }

  void remove() { unlink(path_.c_str()); }

  /// Gives the file its final name once its bytes are safely on disk.
  void move_to(const std::string& path) {
    if (fsync(handle_) != 0 || std::rename(path_.c_str(), path.c_str()) != 0) fail(errno);
  }

 private:
  [[noreturn]] void fail(int code) const {
    const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
    throw DownloadError(
        concat(path_, ": cannot be written: ", std::strerror(code),
               full ? concat("; ", size_,
                             " bytes are kept and will be continued; make room, or "
                             "set HF_HUB_CACHE to a folder on another disk")
                    : "; check the folder's permissions, or set HF_HUB_CACHE to another folder"));
  }

  std::string path_;
  int handle_;
  int64_t size_ = 0;
};

/// First byte position of "bytes 100-199/200"; -1 when it is something else.
int64_t range_start(const std::string& content_range) {
  const std::string unit = "bytes ";
  int64_t start = -1;
  if (!content_range.starts_with(unit)) return -1;
  const char* begin = content_range.data() + unit.size();
  const char* end = content_range.data() + content_range.size();
  const auto [rest, code] = std::from_chars(begin, end, start);
  return code == std::errc() && rest != end && *rest == '-' ? start : -1;
}

/// One attempt to get the bytes that are missing in `part`.
HttpResponse attempt(HttpClient& client, const FileDownload& file, PartFile& part) {
  HttpRequest request{.url = file.url, .offset = part.size()};
  bool started = false;
  request.body = [&](const HttpResponse& answer, std::string_view piece) {
    if (!started) {
      started = true;
      const int64_t start = answer.status == 206 ? range_start(answer.header("content-range")) : 0;
      if (start != part.size()) {  // a server without ranges starts again
        INSEQ_CHECK(start == 0, FormatError, file.label, ": the server sent bytes from ", start,
                    " on, the bytes from ", part.size(), " on were asked for");
        part.clear();
      }
    }
    if (file.size >= 0 && static_cast<int64_t>(piece.size()) > file.size - part.size()) {
      part.remove();
      throw FormatError(concat(file.label, ": the server sends more than the ", file.size,
                               " bytes it announced"));
    }
    part.append(piece);
    if (file.on_bytes) file.on_bytes(part.size());
  };
  return client.send_once(request);
}

/// Fills `part`. Returns whether it begins with bytes that an earlier run left there.
bool fill(HttpClient& client, const FileDownload& file, PartFile& part) {
  if (file.size >= 0 && part.size() > file.size) part.clear();
  const bool continued = part.size() > 0;
  if (file.on_bytes) file.on_bytes(part.size());
  int failures = 0;
  int64_t mark = part.size();
  while (file.size < 0 || part.size() < file.size) {
    const HttpResponse answer = attempt(client, file, part);
    if (answer.ok() && (file.size < 0 || part.size() == file.size)) break;
    const bool range_refused = answer.status == 416 && part.size() > 0;
    if (range_refused) part.clear();
    const bool retry = answer.ok() || range_refused || answer.may_retry;
    if (part.size() >= mark + kWorthARetry) failures = 0;
    mark = part.size();
    if (!retry || ++failures == HttpClient::kAttempts) {
      throw DownloadError(concat(file.label, ": the download stopped after ", part.size(), " of ",
                                 file.size < 0 ? "unknown" : std::to_string(file.size), " bytes (",
                                 answer.ok() ? "the server closed early" : answer.what_happened(),
                                 ", ",
                                 failures > 1 ? concat(failures, " attempts") : "not tried again",
                                 "); what is there is kept and will be continued"));
    }
    client.pause(failures);
  }
  return continued;
}

/// The file's own checksum, of the kind that `wanted` is.
std::string checksum_of(const std::string& path, const std::string& wanted) {
  if (is_hex(wanted, 64)) return sha256_of_file(path);
  return is_hex(wanted, 40) ? git_blob_sha1_of_file(path) : wanted;
}

}  // namespace

void download_file(HttpClient& client, const FileDownload& file) {
  while (true) {
    PartFile part(file);
    const bool continued = fill(client, file, part);
    const std::string found = checksum_of(part.path(), file.checksum);
    if (found == file.checksum) return part.move_to(file.path);
    part.remove();
    // What an earlier run left may have been the bad part: once more from the start.
    INSEQ_CHECK(continued, FormatError, file.label, ": the ", part.size(),
                " bytes received have the checksum ", found, ", the server announced ",
                file.checksum, "; they were discarded");
  }
}

}  // namespace inseq::io
