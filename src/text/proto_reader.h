#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace inseq::text {

/// Reads the fields of a protocol buffer in turn. FormatError begins with `name`.
class ProtoReader {
 public:
  struct Field {
    uint64_t number = 0;
    uint64_t value = 0;      ///< of integers; the bits of fixed32 and fixed64
    std::string_view bytes;  ///< of texts and messages
    float as_float() const;
  };

  ProtoReader(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {}
  /// nullopt at the end.
  std::optional<Field> next();

 private:
  uint64_t varint();
  std::string_view take(uint64_t size);

  std::string_view bytes_;  // what is left
  const std::string& name_;
};

}  // namespace inseq::text
