#include "text/proto_reader.h"

#include <cstring>
#include <limits>

#include "inseq/error.h"

namespace inseq::text {
namespace {

constexpr const char* kCopyAgain = "; copy the file again from where the model came from";

/// Little-endian, as protocol buffers are.
uint64_t fixed(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

}  // namespace

float ProtoReader::Field::as_float() const {
  const auto low = static_cast<uint32_t>(value);
  float out;
  std::memcpy(&out, &low, sizeof out);
  return out;
}

std::string_view ProtoReader::take(uint64_t size) {
  INSEQ_CHECK(size <= bytes_.size(), FormatError, name_, ": ends within a field (", size,
              " bytes needed, ", bytes_.size(), " there)", kCopyAgain);
  const std::string_view out = bytes_.substr(0, size);
  bytes_.remove_prefix(size);
  return out;
}

uint64_t ProtoReader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(1)[0]);
    value |= static_cast<uint64_t>(byte & 0x7Fu) << shift;
    if (byte < 0x80) return value;
  }
  throw FormatError(concat(name_, ": holds a number of more than 64 bits", kCopyAgain));
}

std::optional<ProtoReader::Field> ProtoReader::next() {
  if (bytes_.empty()) return std::nullopt;
  const uint64_t tag = varint();
  Field field{.number = tag >> 3, .kind = static_cast<Kind>(tag & 7u), .value = 0, .bytes = {}};
  switch (field.kind) {
    case kVarint:
      field.value = varint();
      break;
    case kFixed64:
      field.value = fixed(take(8));
      break;
    case kBytes:
      field.bytes = take(varint());
      break;
    case kFixed32:
      field.value = fixed(take(4));
      break;
    default:
      throw FormatError(concat(name_, ": is no SentencePiece model (a field of kind ", tag & 7u,
                               ")", kCopyAgain));
  }
  // Libraries keep 32 bits of a tag, and would find another field than we do.
  INSEQ_CHECK(field.number != 0 && tag <= std::numeric_limits<uint32_t>::max(), FormatError, name_,
              ": is no SentencePiece model (a field with the number ", field.number, ")",
              kCopyAgain);
  return field;
}

}  // namespace inseq::text
