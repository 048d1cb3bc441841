#include "io/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "inseq/error.h"

namespace inseq::io {

namespace {

constexpr size_t kChunk = size_t{1} << 18;

void put_little_endian(std::string& out, uint32_t value) {
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xFFU));
}

/// zlib counts input in 32 bits; feeds it piece by piece.
uInt next_piece(size_t left) {
  return static_cast<uInt>(std::min<size_t>(left, std::numeric_limits<uInt>::max()));
}

Bytef* as_input(const void* data) { return static_cast<Bytef*>(const_cast<void*>(data)); }

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

struct GzipWriter::State {
  Sink out;
  z_stream stream{};
  uint32_t checksum = 0, size = 0;  // of what was written so far

  /// Takes all input that the stream has been given.
  void deflate_all(int flush) {
    std::array<char, kChunk> chunk;
    do {
      stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
      stream.avail_out = kChunk;
      deflate(&stream, flush);
      out({chunk.data(), kChunk - stream.avail_out});
    } while (stream.avail_out == 0);
  }
};

GzipWriter::GzipWriter(Sink out, int level)
    : state_(std::make_unique<State>(State{.out = std::move(out)})) {
  INSEQ_CHECK(
      deflateInit2(&state_->stream, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK,
      InvalidArgument, "gzip level ", level, " is not between 1 and 9");
  // Header as Python's gzip writes it: deflate, no flags, time 0, a hint of the level, unknown
  // system.
  std::string header("\x1F\x8B\x08\0\0\0\0\0", 8);
  header.push_back(level == 9 ? '\x02' : level == 1 ? '\x04' : '\0');
  header.push_back('\xFF');
  state_->out(header);
}

GzipWriter::~GzipWriter() { deflateEnd(&state_->stream); }

void GzipWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    z_stream& stream = state_->stream;
    stream.next_in = as_input(bytes.data());
    stream.avail_in = next_piece(bytes.size());
    const size_t given = stream.avail_in;
    state_->checksum =
        static_cast<uint32_t>(crc32(state_->checksum, stream.next_in, stream.avail_in));
    state_->size += static_cast<uint32_t>(given);
    state_->deflate_all(Z_NO_FLUSH);
    bytes.remove_prefix(given);
  }
}

void GzipWriter::finish() {
  state_->deflate_all(Z_FINISH);
  std::string end;
  put_little_endian(end, state_->checksum);
  put_little_endian(end, state_->size);
  state_->out(end);
}

std::string gzip_compress(std::string_view bytes, int level) {
  std::string out;
  GzipWriter writer([&out](std::string_view piece) { out += piece; }, level);
  writer.write(bytes);
  writer.finish();
  return out;
}

std::string gzip_decompress(std::span<const std::byte> bytes, const std::string& name,
                            size_t limit) {
  z_stream stream{};
  // 16: expect gzip's header and check its checksum and length.
  INSEQ_CHECK(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK, Error, name, ": zlib could not start");
  struct End {
    z_stream* stream;
    ~End() { inflateEnd(stream); }
  } end{&stream};
  std::string out;
  std::array<char, kChunk> chunk;
  size_t given = 0;
  bool inside = true;  // inside a member
  while (inside || stream.avail_in > 0 || given < bytes.size()) {
    if (!inside) inflateReset(&stream);
    if (stream.avail_in == 0) {
      stream.next_in = as_input(bytes.data() + given);
      stream.avail_in = next_piece(bytes.size() - given);
      given += stream.avail_in;
    }
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = kChunk;
    const int status = inflate(&stream, Z_NO_FLUSH);
    const size_t got = kChunk - stream.avail_out;
    INSEQ_CHECK(status == Z_OK || status == Z_STREAM_END, FormatError, name,
                ": the gzip data is damaged or cut short (byte ", given - stream.avail_in, " of ",
                bytes.size(), ")");
    INSEQ_CHECK(got <= limit - out.size(), FormatError, name, ": unpacks to more than ", limit,
                " bytes");
    out.append(chunk.data(), got);
    inside = status != Z_STREAM_END;
  }
  return out;
}

}  // namespace inseq::io
