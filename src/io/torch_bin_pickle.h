#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/tensor_file.h"

namespace inseq::io {

/// A tensor as a pickle of torch.save describes it. Nothing is checked yet against the storage.
struct PickledTensor {
  std::string name;
  std::string_view storage;  ///< names the entry data/<storage>
  DType dtype = DType::kF32;
  uint64_t storage_bytes = 0;  ///< what the pickle says the storage takes
  int64_t offset = 0;          ///< of the first element, in elements
  std::vector<int64_t> shape, strides;
};

/// Reads a pickle of a dictionary of tensors. The opcodes that torch.save writes are followed; what
/// they would have Python call is compared with a short list of constructors, and nothing is
/// called. Throws FormatError on anything else, naming it. The views point into `bytes`.
std::vector<PickledTensor> read_tensor_pickle(std::span<const std::byte> bytes,
                                              const std::string& path);

}  // namespace inseq::io
