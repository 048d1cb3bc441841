#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/tensor_file.h"

// The readers without the file around them, for the readers themselves and for the fuzz targets.
// `path` is for messages only; the entries point into `bytes`, or into what `owners` holds.
namespace inseq::io {

struct ParsedTensors {
  std::vector<TensorEntry> entries;
  std::vector<std::shared_ptr<const void>> owners;
};

ParsedTensors parse_safetensors(std::span<const std::byte> bytes, const std::string& path);
ParsedTensors parse_torch_bin(std::span<const std::byte> bytes, const std::string& path);

struct ParsedGguf {
  std::vector<TensorEntry> entries;
  Json metadata;
};
ParsedGguf parse_gguf(std::span<const std::byte> bytes, const std::string& path);

/// The "weight_map" of a *.index.json: pairs of tensor and shard name, sorted by tensor. Shard
/// names are plain file names.
std::vector<std::pair<std::string, std::string>> parse_weight_map(std::string_view text,
                                                                  const std::string& path);

/// Throws FormatError when the file is empty, or is one of the things that are found in place of
/// weights: the pointer that Git LFS leaves, or a web page.
void check_holds_weights(std::span<const std::byte> bytes, const std::string& path);

}  // namespace inseq::io
