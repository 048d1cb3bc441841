#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace inseq::io {

/// A whole file mapped read-only into memory. Throws InvalidArgument when it cannot be opened.
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

/// The text of a small file. Throws InvalidArgument with the reason when it cannot be read, or when it is
/// larger than `limit` bytes.
std::string read_text(const std::string& path, size_t limit = size_t{1} << 30);

/// Throws InvalidArgument unless `path` can be created or overwritten: called before long work starts.
/// Leaves nothing behind.
void check_writable(const std::string& path);

/// Writes a file completely or not at all: a temporary file beside it is renamed when finished.
void write_file(const std::string& path, std::string_view content);

}  // namespace inseq::io
