#pragma once
#include <cstdint>
#include <string>

#include "base/byte_reader.h"
#include "io/tensor_file.h"

namespace inseq::io {

/// A GGUF string: 64-bit length and bytes, which must be UTF-8. `what` names it in messages.
std::string read_gguf_string(ByteReader& reader, const char* what);

/// The `count` key-value pairs that follow the header.
Json read_gguf_metadata(ByteReader& reader, uint64_t count);

}  // namespace inseq::io
