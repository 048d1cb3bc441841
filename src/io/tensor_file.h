#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace inseq::io {

using Json = nlohmann::ordered_json;

/// Element types found in checkpoints. The quantised ones are GGUF's block formats.
enum class DType {
  kF64, kF32, kF16, kBF16, kF8E4M3, kF8E5M2, kI64, kI32, kI16, kI8, kU8, kBool,
  kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0, kQ2_K, kQ3_K, kQ4_K, kQ5_K, kQ6_K,
};

/// Name as users know it: "float32", "bfloat16", "Q4_1".
const char* name_of(DType dtype);

/// A tensor in a file: row-major, last axis contiguous (GGUF's reversed order is undone by its reader).
struct TensorEntry {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;  ///< inside the mapped file; valid while the TensorFile lives

  int64_t numel() const;
};

/// Named tensors of a checkpoint (one file or many shards), checked when opened: every entry's bytes lie
/// inside its file and have exactly the size that dtype and shape ask for.
class TensorFile {
 public:
  virtual ~TensorFile() = default;
  /// All tensors, in file order.
  virtual const std::vector<TensorEntry>& entries() const = 0;
  /// The tensor of that name, or nullptr.
  const TensorEntry* find(const std::string& name) const;
  /// Path for messages.
  virtual const std::string& path() const = 0;
};

/// Opens a `.safetensors` file (memory-mapped).
std::unique_ptr<TensorFile> open_safetensors(const std::string& path);
/// Opens a `pytorch_model.bin`: a zip of raw storages and a pickle, of which only the opcodes that build
/// dictionaries of tensors are understood; nothing is executed. Throws FormatError on anything else.
std::unique_ptr<TensorFile> open_torch_bin(const std::string& path);
/// Opens the weights of a model folder: model.safetensors, its sharded form with
/// model.safetensors.index.json, pytorch_model.bin, or its sharded form; in this order of preference.
std::unique_ptr<TensorFile> open_checkpoint(const std::string& folder);

/// A GGUF file (version 2 or 3): metadata and tensors.
class GgufFile : public TensorFile {
 public:
  /// Keys like "general.architecture" to scalars, strings or arrays.
  virtual const Json& metadata() const = 0;
};
std::unique_ptr<GgufFile> open_gguf(const std::string& path);

/// Converts any dtype to float32, dequantising where needed. `out` has entry.numel() elements.
/// Large tensors are split over `threads` threads.
void to_float32(const TensorEntry& entry, std::span<float> out, int threads = 1);

/// Tensors to write with write_safetensors.
struct TensorToWrite {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
};
/// The bytes of a safetensors file holding these tensors.
std::string write_safetensors(const std::vector<TensorToWrite>& tensors);

}  // namespace inseq::io
