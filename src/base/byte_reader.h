#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "inseq/error.h"

namespace inseq {

static_assert(std::endian::native == std::endian::little, "file formats are read as little-endian");

/// Reads little-endian values one after the other from untrusted bytes. Throws FormatError rather
/// than read past the end.
class ByteReader {
 public:
  /// `where` starts the messages: a path.
  ByteReader(std::span<const std::byte> bytes, std::string where)
      : bytes_(bytes), where_(std::move(where)) {}

  /// `what` names the value in messages: "the tensor count".
  template <typename T>
  T read(const char* what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  std::span<const std::byte> take(uint64_t length, const char* what) {
    INSEQ_CHECK(length <= remaining(), FormatError, where_, ": is cut short or damaged: ", what,
                " at byte ", position_, " needs ", length, " bytes, but ", remaining(),
                " are left");
    const auto out = bytes_.subspan(position_, static_cast<size_t>(length));
    position_ += static_cast<size_t>(length);
    return out;
  }

  std::string_view text(uint64_t length, const char* what) {
    const auto bytes = take(length, what);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }
  const std::string& where() const { return where_; }

 private:
  std::span<const std::byte> bytes_;
  std::string where_;
  size_t position_ = 0;
};

}  // namespace inseq
