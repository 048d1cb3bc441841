#pragma once
#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/sink.h"

namespace inseq::io {

using Json = nlohmann::ordered_json;

/// JSON text as Python's json.dumps(value, indent=4, sort_keys=True) writes it, byte for byte: keys
/// sorted, non-ASCII characters escaped, shortest floats, NaN and Infinity as bare words. Strings
/// that are not UTF-8 get U+FFFD.
std::string dump_python_json(const Json& value);

/// Strings of a JSON value that are only made while it is written, because they are large.
class LateTexts {
 public:
  /// A value that stands for the string which `write` gives to a sink. It must need no escapes.
  Json add(std::function<void(const Sink&)> write);
  void write(const Json& place, const Sink& out) const;

 private:
  std::vector<std::function<void(const Sink&)>> texts_;
};

/// The text of dump_python_json, in pieces, with the late texts in their places.
void write_python_json(const Json& value, const LateTexts& late, const Sink& out);

/// Parses JSON as Python's json.loads does, NaN and Infinity included. `name` is the file in
/// messages. Throws FormatError on anything else, and on more than `max_depth` levels.
Json parse_python_json(std::string_view text, const std::string& name, size_t max_depth = 128);

/// A float as Python's repr writes it: "0.1", "1e-05", "1e+16", "nan".
std::string python_float_repr(double value);

}  // namespace inseq::io
