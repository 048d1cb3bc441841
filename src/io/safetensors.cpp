#include <algorithm>
#include <unordered_set>

#include "base/byte_reader.h"
#include "inseq/error.h"
#include "io/file.h"
#include "io/safetensors_header.h"
#include "io/tensor_file.h"
#include "io/tensor_parsers.h"

namespace inseq::io {
namespace {

// The limit of the safetensors crate: larger headers cannot be read by it either.
constexpr uint64_t kMaxHeader = 100'000'000;

DType dtype_of(const HeaderTensor& tensor, const std::string& path) {
  const std::optional<DType> dtype = safetensors_dtype(tensor.dtype);
  if (dtype) return *dtype;
  static const std::unordered_set<std::string> known = {"U16", "U32",     "U64",     "C64",
                                                        "F4",  "F8_E8M0", "F6_E2M3", "F6_E3M2"};
  INSEQ_CHECK(!known.count(tensor.dtype), Unsupported, path, ": tensor \"", tensor.name,
              "\" has the dtype ", tensor.dtype,
              ", which cannot be read yet; convert it to F32, F16 or BF16");
  throw FormatError(
      concat(path, ": tensor \"", tensor.name, "\" has the unknown dtype \"", tensor.dtype,
             "\" (known: F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U8, BOOL)"));
}

TensorEntry entry_of(const HeaderTensor& tensor, std::span<const std::byte> data,
                     const std::string& path) {
  const auto [begin, end] = tensor.offsets;
  INSEQ_CHECK(begin <= end && end <= data.size(), FormatError, path, ": tensor \"", tensor.name,
              "\" has the data offsets [", begin, ", ", end, "], but the file holds ", data.size(),
              " bytes of data; it is cut short or damaged");
  const DType dtype = dtype_of(tensor, path);
  const std::optional<uint64_t> size = byte_size(dtype, tensor.shape);
  INSEQ_CHECK(size, FormatError, path, ": tensor \"", tensor.name, "\" has the impossible shape ",
              shape_text(tensor.shape));
  INSEQ_CHECK(*size == end - begin, FormatError, path, ": tensor \"", tensor.name, "\" of shape ",
              shape_text(tensor.shape), " and dtype ", tensor.dtype, " needs ", *size,
              " bytes, but its data offsets hold ", end - begin);
  return {tensor.name, dtype, tensor.shape, data.subspan(begin, end - begin)};
}

/// Checks that the tensors, sorted by offset, fill the data without gap or overlap, as the format
/// asks: anything else could hide data.
void check_contiguous(const std::vector<HeaderTensor>& tensors, uint64_t data_size,
                      const std::string& path) {
  uint64_t end = 0;
  for (const HeaderTensor& tensor : tensors) {
    INSEQ_CHECK(tensor.offsets.first >= end, FormatError, path, ": tensor \"", tensor.name,
                "\" overlaps the tensor before it: it starts at ", tensor.offsets.first,
                ", the other ends at ", end);
    INSEQ_CHECK(tensor.offsets.first == end, FormatError, path, ": there is a gap of ",
                tensor.offsets.first - end, " bytes before tensor \"", tensor.name, "\"");
    end = tensor.offsets.second;
  }
  INSEQ_CHECK(end == data_size, FormatError, path, ": holds ", data_size - end,
              " bytes after its last tensor that belong to none");
}

}  // namespace

std::optional<DType> safetensors_dtype(std::string_view name) {
  static const std::unordered_map<std::string_view, DType> dtypes = {
      {"F64", DType::kF64},   {"F32", DType::kF32},        {"F16", DType::kF16},
      {"BF16", DType::kBF16}, {"F8_E4M3", DType::kF8E4M3}, {"F8_E5M2", DType::kF8E5M2},
      {"I64", DType::kI64},   {"I32", DType::kI32},        {"I16", DType::kI16},
      {"I8", DType::kI8},     {"U8", DType::kU8},          {"BOOL", DType::kBool}};
  const auto found = dtypes.find(name);
  return found == dtypes.end() ? std::nullopt : std::optional(found->second);
}

ParsedTensors parse_safetensors(std::span<const std::byte> bytes, const std::string& path) {
  check_holds_weights(bytes, path);
  ByteReader reader(bytes, path);
  const auto length = reader.read<uint64_t>("the header length");
  INSEQ_CHECK(length <= kMaxHeader, FormatError, path, ": claims a header of ", length,
              " bytes; it is not a safetensors file, or damaged");
  const std::string_view header = reader.text(length, "the header");
  INSEQ_CHECK(header.starts_with('{'), FormatError, path,
              ": the header is not a JSON object; it is not a safetensors file, or damaged");
  std::vector<HeaderTensor> tensors = parse_safetensors_header(header, path);
  const auto data = reader.take(reader.remaining(), "the data");
  ParsedTensors out;
  out.entries.reserve(tensors.size());
  std::stable_sort(
      tensors.begin(), tensors.end(),
      [](const HeaderTensor& a, const HeaderTensor& b) { return a.offsets < b.offsets; });
  for (const HeaderTensor& tensor : tensors) out.entries.push_back(entry_of(tensor, data, path));
  check_contiguous(tensors, data.size(), path);
  return out;
}

std::unique_ptr<TensorFile> open_safetensors(const std::string& path) {
  auto file = std::make_shared<MappedFile>(path);
  ParsedTensors parsed = parse_safetensors(file->bytes(), path);
  return std::make_unique<TensorFile>(path, std::move(parsed.entries),
                                      std::vector<std::shared_ptr<const void>>{file});
}

}  // namespace inseq::io
