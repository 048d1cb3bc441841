#include "io/hub_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "io/hub_http.h"

namespace inseq::io {
namespace {

enum class Attempt { kLocked, kBusy, kNoLocks };

/// A lock on a file that its last owner has unlinked meanwhile protects nothing: that counts as
/// busy.
Attempt try_lock(int handle, const std::string& path) {
  if (flock(handle, LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK || errno == EINTR ? Attempt::kBusy : Attempt::kNoLocks;
  }
  struct stat held = {};
  struct stat named = {};
  const bool same = fstat(handle, &held) == 0 && stat(path.c_str(), &named) == 0 &&
                    held.st_ino == named.st_ino && held.st_dev == named.st_dev;
  return same ? Attempt::kLocked : Attempt::kBusy;
}

}  // namespace

FileLock::Handle::Handle(const std::string& path)
    : number(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0664)) {
  if (number < 0) {
    throw DownloadError(concat(path, ": cannot be created: ", std::strerror(errno),
                               "; set HF_HUB_CACHE to a folder that can be written"));
  }
}

FileLock::Handle::~Handle() { close(number); }

FileLock::FileLock(const std::string& path, const std::function<void()>& waiting)
    : handle_(std::make_unique<Handle>(path)) {
  while (try_lock(handle_->number, path) == Attempt::kBusy) {
    if (waiting) waiting();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    handle_ = std::make_unique<Handle>(path);
  }
}

}  // namespace inseq::io
