#pragma once
#include <cstdint>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/temporary_folder.h"

// Files made by hand, good and bad ones, as strings of bytes.
namespace inseq::io::testing {

inline std::string data_path(const std::string& name) {
  return INSEQ_TEST_DIR "/unit/io/data/" + name;
}

inline std::string file_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// The little-endian bytes of a number.
template <typename T>
std::string le(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}

inline std::string repeat(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

using test::TemporaryFolder;

inline std::string safetensors_bytes(const std::string& header, const std::string& data = "") {
  return le<uint64_t>(header.size()) + header + data;
}

/// A header entry of a safetensors file.
inline std::string header_entry(const std::string& name, const std::string& dtype,
                                const std::string& shape, const std::string& offsets) {
  return std::string("\"") + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

/// One file in a zip archive. The numbers are what its headers claim.
struct ZipFile {
  std::string name, content;
  uint16_t method = 0, flags = 0;
  int64_t claimed_size = -1;    ///< -1: the real one
  std::string local_name = {};  ///< "": the same
  bool in_64 = false;           ///< size and offset in a zip64 extra field
};

/// A zip archive. `as_64` puts the place of the directory into a zip64 end record.
inline std::string zip_bytes(const std::vector<ZipFile>& files, bool as_64 = false) {
  std::string out, directory;
  for (const ZipFile& file : files) {
    const uint64_t size =
        file.claimed_size < 0 ? file.content.size() : static_cast<uint64_t>(file.claimed_size);
    const uint64_t offset = out.size();
    const std::string& local = file.local_name.empty() ? file.name : file.local_name;
    // As with a data descriptor, the local header leaves checksum and sizes open.
    out += le<uint32_t>(0x04034b50) + le<uint16_t>(0) + le<uint16_t>(file.flags | 8) +
           le(file.method) + std::string(16, '\0') + le<uint16_t>(local.size()) + le<uint16_t>(3) +
           local + "pad" + file.content;
    std::string extra;
    if (file.in_64)
      extra = le<uint16_t>(0x7777) + le<uint16_t>(1) + "x" + le<uint16_t>(1) + le<uint16_t>(24) +
              le(size) + le(size) + le(offset);
    const auto in_32 = [&](uint64_t value) {
      return le<uint32_t>(file.in_64 ? 0xffffffff : value);
    };
    directory += le<uint32_t>(0x02014b50) + le<uint32_t>(0) + le(file.flags) + le(file.method) +
                 std::string(8, '\0') + in_32(size) + in_32(size) + le<uint16_t>(file.name.size()) +
                 le<uint16_t>(extra.size()) + std::string(10, '\0') + in_32(offset) + file.name +
                 extra;
  }
  const uint64_t start = out.size();
  out += directory;
  if (as_64) {
    const uint64_t record = out.size();
    out += le<uint32_t>(0x06064b50) + std::string(28, '\0') + le<uint64_t>(files.size()) +
           le<uint64_t>(directory.size()) + le(start);
    out += le<uint32_t>(0x07064b50) + le<uint32_t>(0) + le(record) + le<uint32_t>(1);
  }
  out += le<uint32_t>(0x06054b50) + std::string(6, '\0') +
         le<uint16_t>(as_64 ? 0xffff : files.size()) +
         le<uint32_t>(as_64 ? 0xffffffff : directory.size()) +
         le<uint32_t>(as_64 ? 0xffffffff : start) + le<uint16_t>(0);
  return out;
}

/// A file of torch.save with this pickle and 16 bytes of storage "0".
inline std::string torch_bytes(const std::string& pickle) {
  return zip_bytes({{"a/data.pkl", pickle},
                    {"a/byteorder", "little"},
                    {"a/data/0", std::string(16, '\1')},
                    {"a/version", "3\n"}});
}

/// Opcodes for a string and a small number.
inline std::string pickled(std::string_view text) {
  return std::string("X") + le<uint32_t>(text.size()) + std::string(text);
}
inline std::string pickled(int64_t number) { return std::string("\x8a\x08") + le(number); }
inline std::string pickled(const std::vector<int64_t>& numbers) {
  std::string out(1, '(');
  for (const int64_t number : numbers) out += pickled(number);
  return out + "t";
}

/// A tensor as torch.save would pickle it; the defaults describe 4 floats in storage "0".
struct PickledArgs {
  std::string storage = "FloatStorage", key = "0";
  int64_t storage_size = 4, offset = 0;
  std::vector<int64_t> shape = {4}, strides = {1};
};
inline std::string pickled(const PickledArgs& args) {
  return std::string("ctorch._utils\n_rebuild_tensor_v2\n((") + pickled("storage") + "ctorch\n" +
         args.storage + "\n" + pickled(args.key) + pickled("cpu") + pickled(args.storage_size) +
         "tQ" + pickled(args.offset) + pickled(args.shape) + pickled(args.strides) +
         "\x89"
         "ccollections\nOrderedDict\n)RtR";
}
/// {"w": value}
inline std::string pickled_dict(const std::string& value) {
  return std::string("\x80\x02}(") + pickled("w") + value + "u.";
}

inline std::string gguf_string(std::string_view text) {
  return le<uint64_t>(text.size()) + std::string(text);
}
inline std::string gguf_header(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
  return std::string("GGUF") + le(version) + le(tensors) + le(keys);
}
inline std::string gguf_tensor(std::string_view name, const std::vector<uint64_t>& dims,
                               uint32_t type, uint64_t offset) {
  std::string out = gguf_string(name) + le<uint32_t>(dims.size());
  for (const uint64_t size : dims) out += le(size);
  return out + le(type) + le(offset);
}
/// Header, tensor infos, padding and data; no metadata.
inline std::string gguf_bytes(const std::vector<std::string>& tensors, const std::string& data) {
  std::string out = gguf_header(tensors.size(), 0);
  for (const std::string& tensor : tensors) out += tensor;
  out.resize((out.size() + 31) / 32 * 32, '\0');
  return out + data;
}

}  // namespace inseq::io::testing
