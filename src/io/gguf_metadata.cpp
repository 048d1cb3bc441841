#include "io/gguf_metadata.h"

#include <unordered_set>

#include "base/utf8.h"
#include "inseq/error.h"

namespace inseq::io {
namespace {

constexpr uint64_t kMaxKeys = 1 << 16;
constexpr uint64_t kMaxKeyBytes = 1 << 16;  // the format's own limit
constexpr int kMaxDepth = 4;                // arrays in arrays; real files have depth 1
// Every element costs some 64 bytes however small it is in the file. Large vocabularies have some
// 10^6.
constexpr uint64_t kMaxElements = 1 << 23;
// Files may have holes, so that even a small one claims to hold any number of bytes. Large
// vocabularies take some 10^7 bytes.
constexpr uint64_t kMaxBytes = 1 << 28;
constexpr uint64_t kMaxString = 1 << 24;

enum ValueType : uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64,
};

/// Fewest bytes that a value of a type takes in the file; 0 for unknown types.
uint64_t least_bytes(uint32_t type) {
  switch (type) {
    case kUint8:
    case kInt8:
    case kBool:
      return 1;
    case kUint16:
    case kInt16:
      return 2;
    case kUint32:
    case kInt32:
    case kFloat32:
      return 4;
    case kString:
    case kUint64:
    case kInt64:
    case kFloat64:
      return 8;
    case kArray:
      return 12;
    default:
      return 0;
  }
}

class MetadataReader {
 public:
  explicit MetadataReader(ByteReader& reader) : reader_(reader) {}

  Json read(uint64_t count) {
    // A plain vector of pairs: filled without searching for duplicates, which the set finds.
    Json::object_t fields;
    std::unordered_set<std::string> names;
    for (uint64_t i = 0; i < count; ++i) {
      key_ = "number " + std::to_string(i);
      std::string key = read_gguf_string(reader_, "a metadata key");
      INSEQ_CHECK(key.size() <= kMaxKeyBytes, FormatError, reader_.where(), ": a metadata key of ",
                  key.size(), " bytes is longer than GGUF allows");
      INSEQ_CHECK(names.insert(key).second, FormatError, reader_.where(), ": the metadata key \"",
                  key, "\" appears twice");
      key_ = key;
      const auto type = reader_.read<uint32_t>("a metadata type");
      fields.push_back({std::move(key), value(type, 0)});
    }
    return Json(std::move(fields));
  }

 private:
  template <typename T>
  Json number() {
    return Json(reader_.read<T>("a metadata value"));
  }

  Json value(uint32_t type, int depth) {
    INSEQ_CHECK(reader_.position() <= kMaxBytes, FormatError, reader_.where(),
                ": the metadata value \"", key_, "\" goes past the ", kMaxBytes,
                " bytes of metadata that are read");
    switch (type) {
      case kUint8:
        return number<uint8_t>();
      case kInt8:
        return number<int8_t>();
      case kUint16:
        return number<uint16_t>();
      case kInt16:
        return number<int16_t>();
      case kUint32:
        return number<uint32_t>();
      case kInt32:
        return number<int32_t>();
      case kUint64:
        return number<uint64_t>();
      case kInt64:
        return number<int64_t>();
      case kFloat32:
        return number<float>();
      case kFloat64:
        return number<double>();
      case kBool:
        return Json(reader_.read<uint8_t>("a metadata value") != 0);
      case kString:
        return Json(read_gguf_string(reader_, "a metadata string"));
      case kArray:
        return array(depth + 1);
      default:
        break;
    }
    unknown_type(type);
  }

  Json array(int depth) {
    INSEQ_CHECK(depth <= kMaxDepth, FormatError, reader_.where(), ": the metadata array \"", key_,
                "\" nests deeper than ", kMaxDepth, " levels");
    const auto type = reader_.read<uint32_t>("the type of a metadata array");
    const auto count = reader_.read<uint64_t>("the length of a metadata array");
    if (least_bytes(type) == 0) unknown_type(type);
    INSEQ_CHECK(count <= reader_.remaining() / least_bytes(type), FormatError, reader_.where(),
                ": the metadata array \"", key_, "\" claims ", count, " elements, more than the ",
                reader_.remaining(), " bytes left in the file can hold");
    elements_ += count;
    INSEQ_CHECK(elements_ <= kMaxElements, FormatError, reader_.where(), ": the metadata array \"",
                key_, "\" brings the metadata to ", elements_, " elements; at most ", kMaxElements,
                " are read");
    Json::array_t items;
    items.reserve(static_cast<size_t>(count));
    for (uint64_t i = 0; i < count; ++i) items.push_back(value(type, depth));
    return Json(std::move(items));
  }

  [[noreturn]] void unknown_type(uint32_t type) const {
    throw FormatError(concat(reader_.where(), ": the metadata value \"", key_,
                             "\" has the unknown type ", type, " (GGUF has 0 to 12)"));
  }

  ByteReader& reader_;
  std::string key_;
  uint64_t elements_ = 0;
};

}  // namespace

std::string read_gguf_string(ByteReader& reader, const char* what) {
  const auto length = reader.read<uint64_t>(what);
  const std::string_view text = reader.text(length, what);
  INSEQ_CHECK(length <= kMaxString, FormatError, reader.where(), ": ", what, " takes ", length,
              " bytes; at most ", kMaxString, " are read");
  INSEQ_CHECK(is_valid_utf8(text), FormatError, reader.where(), ": ", what, " before byte ",
              reader.position(), " is not valid UTF-8");
  return std::string(text);
}

Json read_gguf_metadata(ByteReader& reader, uint64_t count) {
  INSEQ_CHECK(count <= kMaxKeys, FormatError, reader.where(), ": claims ", count,
              " metadata keys; real files have some dozens, at most ", kMaxKeys, " are read");
  return MetadataReader(reader).read(count);
}

}  // namespace inseq::io
