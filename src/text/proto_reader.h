#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace inseq::text {

/// Reads the fields of a protocol buffer in turn. FormatError begins with `name`.
class ProtoReader {
 public:
  /// How a field is written; the names are those of the format.
  enum Kind : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
  struct Field {
    uint64_t number = 0;
    Kind kind = kVarint;
    uint64_t value = 0;      ///< of kVarint; the bits of kFixed32 and kFixed64
    std::string_view bytes;  ///< of kBytes: texts and messages
    float as_float() const;
    /// Whether it is this one: with another kind, libraries take a field for an unknown one.
    bool is(uint64_t wanted, Kind as) const { return number == wanted && kind == as; }
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
