// GGUF, as described in ggml's docs/gguf.md.
#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "base/byte_reader.h"
#include "inseq/error.h"
#include "io/file.h"
#include "io/gguf_metadata.h"
#include "io/tensor_file.h"
#include "io/tensor_parsers.h"

namespace inseq::io {
namespace {

constexpr uint64_t kDefaultAlignment = 32;
constexpr uint32_t kMaxDims = 4;  // ggml's own limit
// Name length, dimension count, type and offset: what even a nameless scalar takes in the file.
constexpr uint64_t kLeastTensorInfo = 24;
// Large models have some thousands. A file with holes could claim any number.
constexpr uint64_t kMaxTensors = 1 << 20;

struct TensorInfo {
  std::string name;
  std::vector<int64_t> shape;
  uint32_t type = 0;
  uint64_t offset = 0;  // from the start of the data
};

DType dtype_of(const TensorInfo& info, const std::string& path) {
  static const std::map<uint32_t, DType> dtypes = {
      {0, DType::kF32},   {1, DType::kF16},   {2, DType::kQ4_0},  {3, DType::kQ4_1},
      {6, DType::kQ5_0},  {7, DType::kQ5_1},  {8, DType::kQ8_0},  {10, DType::kQ2_K},
      {11, DType::kQ3_K}, {12, DType::kQ4_K}, {13, DType::kQ5_K}, {14, DType::kQ6_K},
      {24, DType::kI8},   {25, DType::kI16},  {26, DType::kI32},  {27, DType::kI64},
      {28, DType::kF64},  {30, DType::kBF16}};
  if (const auto found = dtypes.find(info.type); found != dtypes.end()) return found->second;
  static const std::map<uint32_t, const char*> others = {
      {9, "Q8_1"},   {15, "Q8_K"},   {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"},
      {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"},   {22, "IQ2_S"},  {23, "IQ4_XS"},
      {29, "IQ1_M"}, {34, "TQ1_0"},  {35, "TQ2_0"},   {39, "MXFP4"},  {40, "NVFP4"}};
  const auto other = others.find(info.type);
  INSEQ_CHECK(
      other == others.end(), Unsupported, path, ": tensor \"", info.name, "\" is quantised as ",
      other->second,
      ", which cannot be read yet; use a file in F16, BF16, Q8_0, Q4_0 to Q5_1 or Q2_K to Q6_K");
  throw Unsupported(concat(path, ": tensor \"", info.name, "\" has the unknown type number ",
                           info.type, "; the file is damaged, or newer than this program"));
}

uint64_t read_header(ByteReader& reader) {
  const std::string& path = reader.where();
  INSEQ_CHECK(reader.text(4, "the magic number") == "GGUF", FormatError, path,
              ": does not start with \"GGUF\"; it is not a GGUF file");
  const auto version = reader.read<uint32_t>("the version");
  // A big-endian version number has its low half empty.
  INSEQ_CHECK((version & 0xffff) != 0, Unsupported, path,
              ": is a big-endian GGUF file; convert it with gguf-convert-endian");
  INSEQ_CHECK(version == 2 || version == 3, Unsupported, path, ": is GGUF version ", version,
              "; versions 2 and 3 can be read");
  const auto tensors = reader.read<uint64_t>("the tensor count");
  INSEQ_CHECK(tensors <= reader.remaining() / kLeastTensorInfo, FormatError, path, ": claims ",
              tensors, " tensors, more than a file of ", reader.position() + reader.remaining(),
              " bytes can hold");
  INSEQ_CHECK(tensors <= kMaxTensors, FormatError, path, ": claims ", tensors, " tensors; at most ",
              kMaxTensors, " are read");
  return tensors;
}

TensorInfo read_tensor_info(ByteReader& reader) {
  TensorInfo info;
  info.name = read_gguf_string(reader, "a tensor name");
  const auto dims = reader.read<uint32_t>("a number of dimensions");
  INSEQ_CHECK(dims <= kMaxDims, FormatError, reader.where(), ": tensor \"", info.name, "\" has ",
              dims, " dimensions; GGUF allows ", kMaxDims);
  info.shape.resize(dims);
  // GGUF lists the fastest axis first.
  for (auto size = info.shape.rbegin(); size != info.shape.rend(); ++size) {
    *size = reader.read<int64_t>("a dimension");
  }
  info.type = reader.read<uint32_t>("a tensor type");
  info.offset = reader.read<uint64_t>("a tensor offset");
  return info;
}

uint64_t alignment_of(const Json& metadata, const std::string& path) {
  const auto found = metadata.find("general.alignment");
  if (found == metadata.end()) return kDefaultAlignment;
  const bool whole = found->is_number_unsigned();
  const uint64_t alignment = whole ? found->get<uint64_t>() : 0;
  INSEQ_CHECK(alignment != 0 && (alignment & (alignment - 1)) == 0 && alignment <= 1u << 30,
              FormatError, path, ": general.alignment is ",
              whole ? std::to_string(alignment) : "no whole number", "; it must be a power of two");
  return alignment;
}

TensorEntry entry_of(TensorInfo info, std::span<const std::byte> data, uint64_t alignment,
                     const std::string& path) {
  const DType dtype = dtype_of(info, path);
  const std::optional<uint64_t> size = byte_size(dtype, info.shape);
  INSEQ_CHECK(size, FormatError, path, ": tensor \"", info.name, "\" has the shape ",
              shape_text(info.shape), ", which is impossible for type ", name_of(dtype));
  INSEQ_CHECK(info.offset % alignment == 0, FormatError, path, ": tensor \"", info.name,
              "\" starts at ", info.offset, ", which is no multiple of the alignment ", alignment);
  INSEQ_CHECK(info.offset <= data.size() && *size <= data.size() - info.offset, FormatError, path,
              ": tensor \"", info.name, "\" needs ", *size, " bytes from ", info.offset,
              " on, but the file holds ", data.size(),
              " bytes of data; it is cut short or damaged");
  return {std::move(info.name), dtype, std::move(info.shape), data.subspan(info.offset, *size)};
}

void check_no_overlap(const std::vector<TensorEntry>& entries, const std::string& path) {
  std::vector<const TensorEntry*> sorted;
  for (const TensorEntry& entry : entries) {
    if (!entry.bytes.empty()) sorted.push_back(&entry);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](auto* a, auto* b) { return a->bytes.data() < b->bytes.data(); });
  for (size_t i = 1; i < sorted.size(); ++i) {
    const TensorEntry& before = *sorted[i - 1];
    INSEQ_CHECK(before.bytes.data() + before.bytes.size() <= sorted[i]->bytes.data(), FormatError,
                path, ": the tensors \"", before.name, "\" and \"", sorted[i]->name, "\" overlap");
  }
}

void check_not_split(const Json& metadata, const std::string& path) {
  const auto found = metadata.find("split.count");
  const bool split =
      found != metadata.end() && found->is_number_unsigned() && found->get<uint64_t>() > 1;
  INSEQ_CHECK(!split, Unsupported, path,
              ": is one of several parts of a model; join them first (llama-gguf-split --merge)");
}

}  // namespace

ParsedGguf parse_gguf(std::span<const std::byte> bytes, const std::string& path) {
  check_holds_weights(bytes, path);
  ByteReader reader(bytes, path);
  const uint64_t count = read_header(reader);
  ParsedGguf out;
  out.metadata = read_gguf_metadata(reader, reader.read<uint64_t>("the metadata count"));
  check_not_split(out.metadata, path);
  std::vector<TensorInfo> infos;
  for (uint64_t i = 0; i < count; ++i) infos.push_back(read_tensor_info(reader));
  const uint64_t alignment = alignment_of(out.metadata, path);
  const uint64_t padding = (alignment - reader.position() % alignment) % alignment;
  // Without tensors the padding may be left off.
  reader.take(count == 0 ? std::min<uint64_t>(padding, reader.remaining()) : padding,
              "the padding before the data");
  const auto data = reader.take(reader.remaining(), "the data");
  out.entries.reserve(infos.size());
  for (TensorInfo& info : infos)
    out.entries.push_back(entry_of(std::move(info), data, alignment, path));
  check_no_overlap(out.entries, path);
  return out;
}

std::unique_ptr<GgufFile> open_gguf(const std::string& path) {
  auto file = std::make_shared<MappedFile>(path);
  ParsedGguf parsed = parse_gguf(file->bytes(), path);
  return std::make_unique<GgufFile>(path, std::move(parsed.entries),
                                    std::vector<std::shared_ptr<const void>>{file},
                                    std::move(parsed.metadata));
}

}  // namespace inseq::io
