#pragma once
#include <cstdint>
#include <vector>

#include "io/tensor_file.h"

namespace inseq::io {

/// Reads every byte of the tensors, as a model would. Large ones are left out to keep a run short.
inline void read_tensors(const std::vector<TensorEntry>& entries) {
  std::vector<float> values;
  for (const TensorEntry& entry : entries) {
    if (entry.bytes.size() > 1 << 16) continue;
    values.resize(static_cast<size_t>(entry.numel()));
    to_float32(entry, values);
  }
}

}  // namespace inseq::io
