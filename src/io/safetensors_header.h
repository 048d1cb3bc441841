#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/tensor_file.h"

namespace inseq::io {

/// One tensor as the JSON header of a safetensors file describes it. Nothing is checked yet but the
/// types of the fields: the offsets may point anywhere.
struct HeaderTensor {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  std::pair<uint64_t, uint64_t> offsets;  ///< begin and end, from the end of the header
};

/// Throws FormatError when the header is not valid JSON (UTF-8 included), nests deeper than the
/// format needs, has a field missing, or names a tensor twice.
std::vector<HeaderTensor> parse_safetensors_header(std::string_view json, const std::string& path);

/// The dtype of a safetensors name like "BF16"; nullopt when it is none of ours.
std::optional<DType> safetensors_dtype(std::string_view name);

}  // namespace inseq::io
