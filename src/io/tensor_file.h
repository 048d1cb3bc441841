#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace inseq::io {

using Json = nlohmann::ordered_json;

/// Element types found in checkpoints. The quantised ones are GGUF's block formats.
enum class DType {
  kF64,
  kF32,
  kF16,
  kBF16,
  kF8E4M3,
  kF8E5M2,
  kI64,
  kI32,
  kI16,
  kI8,
  kU8,
  kBool,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
};

/// Name as users know it: "float32", "bfloat16", "Q4_1".
const char* name_of(DType dtype);

/// How a dtype lies in memory: `elements` values share one block of `bytes` bytes. Plain types have
/// blocks of one.
struct BlockLayout {
  int64_t elements = 1;
  int64_t bytes = 1;
};
BlockLayout layout_of(DType dtype);

/// Bytes that a tensor takes; nullopt when a dimension is negative, the size overflows 63 bits, or
/// a row does not hold whole blocks.
std::optional<uint64_t> byte_size(DType dtype, std::span<const int64_t> shape);

/// "[2, 3]" for messages.
std::string shape_text(std::span<const int64_t> shape);

/// A tensor in a file: row-major, last axis contiguous (GGUF's reversed order is undone by its
/// reader).
struct TensorEntry {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;  ///< inside the mapped file; valid while the TensorFile lives

  int64_t numel() const;
};

/// Named tensors of a checkpoint (one file or many shards), checked when opened: every entry's
/// bytes lie inside its file and have exactly the size that dtype and shape ask for. Names are
/// unique.
class TensorFile {
 public:
  /// `owners` keep the bytes of the entries alive: mapped files, copies, other TensorFiles.
  TensorFile(std::string path, std::vector<TensorEntry> entries,
             std::vector<std::shared_ptr<const void>> owners);
  virtual ~TensorFile() = default;
  TensorFile(const TensorFile&) = delete;
  TensorFile& operator=(const TensorFile&) = delete;

  /// All tensors, in file order.
  const std::vector<TensorEntry>& entries() const { return entries_; }
  /// The tensor of that name, or nullptr.
  const TensorEntry* find(std::string_view name) const;
  /// Path for messages.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::vector<TensorEntry> entries_;
  std::vector<std::shared_ptr<const void>> owners_;
  std::unordered_map<std::string_view, size_t> index_;  // views into the names of entries_
};

/// Opens a `.safetensors` file (memory-mapped).
std::unique_ptr<TensorFile> open_safetensors(const std::string& path);
/// Opens a `pytorch_model.bin`: a zip of raw storages and a pickle, of which only the opcodes that
/// build dictionaries of tensors are understood; nothing is executed. Throws FormatError on
/// anything else.
std::unique_ptr<TensorFile> open_torch_bin(const std::string& path);
/// Opens the weights of a model folder: model.safetensors, its sharded form with
/// model.safetensors.index.json, pytorch_model.bin, or its sharded form; in this order of
/// preference.
std::unique_ptr<TensorFile> open_checkpoint(const std::string& folder);

/// A GGUF file (version 2 or 3): metadata and tensors.
class GgufFile : public TensorFile {
 public:
  GgufFile(std::string path, std::vector<TensorEntry> entries,
           std::vector<std::shared_ptr<const void>> owners, Json metadata)
      : TensorFile(std::move(path), std::move(entries), std::move(owners)),
        metadata_(std::move(metadata)) {}
  /// Keys like "general.architecture" to scalars, strings or arrays. All strings are valid UTF-8.
  const Json& metadata() const { return metadata_; }

 private:
  Json metadata_;
};
std::unique_ptr<GgufFile> open_gguf(const std::string& path);

/// Converts any dtype to float32, dequantising where needed. `out` has entry.numel() elements.
/// Large tensors are split over `threads` threads.
void to_float32(const TensorEntry& entry, std::span<float> out, int threads = 1);

/// A tensor to write with write_safetensors.
struct TensorToWrite {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
};
/// The bytes of a safetensors file holding these tensors, laid out as the safetensors crate does
/// (widest dtypes first, then by name). `metadata` becomes `__metadata__`. Throws InvalidArgument
/// on duplicate names or sizes that do not match, Unsupported on quantised dtypes.
std::string write_safetensors(const std::vector<TensorToWrite>& tensors,
                              const std::map<std::string, std::string>& metadata = {});
/// What stands before the tensors in such a file; their bytes are not looked at.
std::string safetensors_header(const std::vector<TensorToWrite>& tensors,
                               const std::map<std::string, std::string>& metadata = {});

}  // namespace inseq::io
