#include "io/tensor_file.h"

#include <algorithm>
#include <string_view>

#include "inseq/error.h"
#include "io/tensor_parsers.h"

namespace inseq::io {

const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return "float64";
    case DType::kF32:
      return "float32";
    case DType::kF16:
      return "float16";
    case DType::kBF16:
      return "bfloat16";
    case DType::kF8E4M3:
      return "float8_e4m3fn";
    case DType::kF8E5M2:
      return "float8_e5m2";
    case DType::kI64:
      return "int64";
    case DType::kI32:
      return "int32";
    case DType::kI16:
      return "int16";
    case DType::kI8:
      return "int8";
    case DType::kU8:
      return "uint8";
    case DType::kBool:
      return "bool";
    case DType::kQ4_0:
      return "Q4_0";
    case DType::kQ4_1:
      return "Q4_1";
    case DType::kQ5_0:
      return "Q5_0";
    case DType::kQ5_1:
      return "Q5_1";
    case DType::kQ8_0:
      return "Q8_0";
    case DType::kQ2_K:
      return "Q2_K";
    case DType::kQ3_K:
      return "Q3_K";
    case DType::kQ4_K:
      return "Q4_K";
    case DType::kQ5_K:
      return "Q5_K";
    case DType::kQ6_K:
      return "Q6_K";
  }
  return "unknown";
}

BlockLayout layout_of(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kI64:
      return {1, 8};
    case DType::kF32:
    case DType::kI32:
      return {1, 4};
    case DType::kF16:
    case DType::kBF16:
    case DType::kI16:
      return {1, 2};
    case DType::kF8E4M3:
    case DType::kF8E5M2:
    case DType::kI8:
    case DType::kU8:
    case DType::kBool:
      return {1, 1};
    case DType::kQ4_0:
      return {32, 2 + 16};
    case DType::kQ4_1:
      return {32, 4 + 16};
    case DType::kQ5_0:
      return {32, 2 + 4 + 16};
    case DType::kQ5_1:
      return {32, 4 + 4 + 16};
    case DType::kQ8_0:
      return {32, 2 + 32};
    case DType::kQ2_K:
      return {256, 16 + 64 + 4};
    case DType::kQ3_K:
      return {256, 32 + 64 + 12 + 2};
    case DType::kQ4_K:
      return {256, 4 + 12 + 128};
    case DType::kQ5_K:
      return {256, 4 + 12 + 32 + 128};
    case DType::kQ6_K:
      return {256, 128 + 64 + 16 + 2};
  }
  return {};
}

std::optional<uint64_t> byte_size(DType dtype, std::span<const int64_t> shape) {
  const BlockLayout layout = layout_of(dtype);
  int64_t count = 1;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(count, size, &count)) {
      return std::nullopt;
    }
  }
  if (layout.elements > 1 && (shape.empty() || shape.back() % layout.elements != 0))
    return std::nullopt;
  int64_t bytes = 0;
  if (__builtin_mul_overflow(count, layout.bytes, &bytes)) return std::nullopt;
  return empty ? 0 : static_cast<uint64_t>(bytes / layout.elements);
}

std::string shape_text(std::span<const int64_t> shape) {
  std::ostringstream out;
  out << '[';
  for (size_t i = 0; i < shape.size(); ++i) out << (i ? ", " : "") << shape[i];
  out << ']';
  return out.str();
}

int64_t TensorEntry::numel() const {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

TensorFile::TensorFile(std::string path, std::vector<TensorEntry> entries,
                       std::vector<std::shared_ptr<const void>> owners)
    : path_(std::move(path)), entries_(std::move(entries)), owners_(std::move(owners)) {
  index_.reserve(entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) {
    INSEQ_CHECK(index_.emplace(entries_[i].name, i).second, FormatError, path_,
                ": holds two tensors named \"", entries_[i].name, "\"");
  }
}

const TensorEntry* TensorFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

void check_holds_weights(std::span<const std::byte> bytes, const std::string& path) {
  INSEQ_CHECK(!bytes.empty(), FormatError, path,
              ": is empty; its download or copy was not finished");
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                               std::min<size_t>(bytes.size(), 64));
  INSEQ_CHECK(!start.starts_with("version https://git-lfs"), FormatError, path,
              ": is only a Git LFS pointer, not the weights; run \"git lfs pull\" in its folder");
  INSEQ_CHECK(!start.starts_with("<!DOCTYPE") && !start.starts_with("<html"), FormatError, path,
              ": is a web page, not a file of weights; download it again");
}

}  // namespace inseq::io
