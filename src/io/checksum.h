#pragma once
#include <string>

namespace inseq::io {

/// SHA-256 of a file's bytes: 64 lower-case hexadecimal digits.
std::string sha256_of_file(const std::string& path);

/// The name git gives to a file's content, SHA-1 of "blob <size>\0" and the bytes: 40 hexadecimal
/// digits.
std::string git_blob_sha1_of_file(const std::string& path);

/// Whether `text` is `digits` lower-case hexadecimal digits.
bool is_hex(const std::string& text, size_t digits);

}  // namespace inseq::io
