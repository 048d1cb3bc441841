#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/sink.h"

namespace inseq::io {

/// A whole file mapped read-only into memory. Throws InvalidArgument when it cannot be opened or is
/// no regular file. The file must not shrink while it is mapped.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// The text of a small file. Throws InvalidArgument with the reason when it cannot be read, or when
/// it is larger than `limit` bytes.
std::string read_text(const std::string& path, size_t limit = size_t{1} << 30);

/// Throws InvalidArgument unless `path` can be created or overwritten: called before long work
/// starts. Leaves nothing behind.
void check_writable(const std::string& path);

/// Writes a file completely or not at all: a temporary file beside it is renamed when finished. A
/// symbolic link is followed; a pipe or device is written to directly. Throws InvalidArgument with
/// the reason.
void write_file(const std::string& path, std::string_view content);
/// The same for content that comes in pieces: `produce` gives them to the sink.
void write_file(const std::string& path, const std::function<void(const Sink&)>& produce);

/// A file that appears under its name only when it is finished; until then it lies beside it as
/// `<name>.unfinished-<process>-<number>`. Removed unless finished, also by
/// remove_unfinished_files().
class UnfinishedFile {
 public:
  explicit UnfinishedFile(const std::string& target);
  ~UnfinishedFile();
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;

  void write(std::string_view bytes);
  /// Flushes to disk and gives the file its name, replacing what was there.
  void finish();
  const std::string& temporary_path() const { return temporary_; }

 private:
  std::string target_, temporary_;
  int descriptor_ = -1;
  size_t slot_ = 0;  // where remove_unfinished_files finds it
};

/// Deletes the temporary files of all UnfinishedFiles of this process. Async-signal-safe: for the
/// handler of SIGINT just before it exits. Their finish() fails afterwards.
void remove_unfinished_files() noexcept;

}  // namespace inseq::io
