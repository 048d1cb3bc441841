#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>

namespace inseq::io {

/// The stored (uncompressed) files of a zip archive in memory, by name. Throws FormatError on
/// compressed, encrypted, duplicate or damaged entries. Checksums are not verified: that would read
/// the whole file.
std::unordered_map<std::string, std::span<const std::byte>> read_zip_index(
    std::span<const std::byte> bytes, const std::string& path);

}  // namespace inseq::io
