#pragma once
#include <functional>
#include <memory>
#include <string>

namespace inseq::io {

/// Keeps other processes out of a piece of work for as long as it lives: flock on a lock file, as
/// huggingface_hub does, so that Python and this program wait for each other.
class FileLock {
 public:
  /// Waits for the lock; `waiting` is called ten times a second meanwhile and may throw. Where the
  /// file system has no locks it goes on without: the checksum still guards the result.
  FileLock(const std::string& path, const std::function<void()>& waiting);

 private:
  struct Handle {
    explicit Handle(const std::string& path);
    ~Handle();
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    int number;
  };
  std::unique_ptr<Handle> handle_;
};

}  // namespace inseq::io
