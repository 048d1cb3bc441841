#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/sink.h"

namespace inseq::io {

/// Whether the bytes begin like a gzip file.
bool is_gzip(std::span<const std::byte> bytes);

/// The bytes as one gzip member without name or time stamp, so that equal input gives equal output.
/// `level` is zlib's, 1 (fast) to 9 (small).
std::string gzip_compress(std::string_view bytes, int level);

/// The same for bytes that come in pieces. finish() writes the end; without it there is none.
class GzipWriter {
 public:
  GzipWriter(Sink out, int level);
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;
  void write(std::string_view bytes);
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What a gzip file holds, all members one after another. `name` is the file in messages. Throws
/// FormatError when it is damaged or holds more than `limit` bytes.
std::string gzip_decompress(std::span<const std::byte> bytes, const std::string& name,
                            size_t limit);

}  // namespace inseq::io
