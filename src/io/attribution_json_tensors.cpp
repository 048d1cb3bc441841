#include "io/attribution_json_tensors.h"

#include <cstring>
#include <limits>

#include "base/base64.h"
#include "inseq/error.h"
#include "io/gzip.h"
#include "io/tensor_file.h"
#include "io/tensor_parsers.h"

namespace inseq::io {

namespace {

using at::Tensor;

constexpr const char* kTensorName = "attribution";
constexpr size_t kMaxAxes = 8;

struct DTypeNames {
  DType dtype;
  at::ScalarType scalar;
  const char* numpy;  // nullptr: NumPy has none
};
constexpr DTypeNames kDTypes[] = {
    {DType::kF32, at::kFloat, "float32"},
    {DType::kF64, at::kDouble, "float64"},
    {DType::kF16, at::kHalf, "float16"},
    {DType::kBF16, at::kBFloat16, nullptr},
    {DType::kI64, at::kLong, "int64"},
    {DType::kI32, at::kInt, "int32"},
    {DType::kI16, at::kShort, "int16"},
    {DType::kI8, at::kChar, "int8"},
    {DType::kU8, at::kByte, "uint8"},
    {DType::kBool, at::kBool, "bool"},
    {DType::kF8E4M3, at::kFloat8_e4m3fn, nullptr},
    {DType::kF8E5M2, at::kFloat8_e5m2, nullptr},
};

const DTypeNames* names_of(at::ScalarType scalar) {
  for (const DTypeNames& names : kDTypes) {
    if (names.scalar == scalar) return &names;
  }
  return nullptr;
}

/// The type itself, or float32 where NumPy has none of that kind.
at::ScalarType numpy_type(const Tensor& tensor) {
  const DTypeNames* names = names_of(tensor.scalar_type());
  return names == nullptr || names->numpy == nullptr ? at::kFloat : names->scalar;
}

std::span<const std::byte> bytes_of(const Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()};
}

/// A float32 tensor of elements that lie in `bytes`, which may be unaligned.
Tensor tensor_from(std::span<const std::byte> bytes, std::span<const int64_t> shape,
                   at::ScalarType scalar, const std::string& where) {
  // Of sizes that overflow LibTorch makes an error of its own, even where one of them is 0.
  bool sane = shape.size() <= kMaxAxes && byte_size(DType::kF64, shape).has_value();
  for (const int64_t size : shape) sane = sane && size <= std::numeric_limits<int32_t>::max();
  INSEQ_CHECK(sane, FormatError, where, ": a tensor of shape ", shape_text(shape),
              " is no attribution");
  const Tensor tensor = at::empty(at::IntArrayRef(shape.data(), shape.size()), at::dtype(scalar));
  if (!bytes.empty()) std::memcpy(tensor.mutable_data_ptr(), bytes.data(), bytes.size());
  return tensor.to(at::kFloat);
}

std::vector<std::byte> decode_base64(std::string_view text, const std::string& where) {
  auto bytes = base64_decode(text);
  INSEQ_CHECK(bytes, FormatError, where, ": is not base64");
  return std::move(*bytes);
}

std::vector<int64_t> read_shape(const Json& value, const std::string& where) {
  std::vector<int64_t> shape;
  INSEQ_CHECK(value.is_array() && value.size() <= kMaxAxes, FormatError, where,
              ": \"shape\" needs to be a list of at most ", kMaxAxes, " sizes");
  for (const Json& size : value) {
    INSEQ_CHECK(size.is_number_integer() && size.get<int64_t>() >= 0, FormatError, where,
                ": a size in \"shape\" is not a whole number that is 0 or more");
    shape.push_back(size.get<int64_t>());
  }
  return shape;
}

Tensor unpack_ndarray(const std::string& text, std::span<const int64_t> shape,
                      const std::string& dtype, const std::string& where) {
  const DTypeNames* names = nullptr;
  for (const DTypeNames& candidate : kDTypes) {
    if (candidate.numpy != nullptr && dtype == candidate.numpy) names = &candidate;
  }
  INSEQ_CHECK(names, FormatError, where, ": the array has the unknown dtype \"", dtype, "\"");
  const auto size = byte_size(names->dtype, shape);
  INSEQ_CHECK(size, FormatError, where, ": impossible shape ", shape_text(shape));
  const std::string_view view = text;
  std::vector<std::byte> bytes;
  std::string unpacked;
  std::span<const std::byte> data;
  if (view.starts_with("b64.gz:")) {
    bytes = decode_base64(view.substr(7), where);
    unpacked = gzip_decompress(bytes, where, *size);
    data = std::as_bytes(std::span(unpacked));
  } else {
    INSEQ_CHECK(view.starts_with("b64:"), FormatError, where,
                ": array data needs to begin with \"b64:\" or \"b64.gz:\"");
    bytes = decode_base64(view.substr(4), where);
    data = bytes;
  }
  INSEQ_CHECK(data.size() == *size, FormatError, where, ": an array of shape ", shape_text(shape),
              " needs ", *size, " bytes, found ", data.size());
  return tensor_from(data, shape, names->scalar, where);
}

/// Appends the numbers of nested lists, checking every length against the shape.
void flatten(const Json& value, std::span<const int64_t> shape, std::vector<double>& out,
             const std::string& where) {
  if (shape.empty()) {
    INSEQ_CHECK(value.is_number() || value.is_boolean(), FormatError, where,
                ": array item is no number");
    out.push_back(value.is_boolean() ? (value.get<bool>() ? 1.0 : 0.0) : value.get<double>());
    return;
  }
  INSEQ_CHECK(value.is_array() && value.size() == static_cast<uint64_t>(shape[0]), FormatError,
              where, ": the array's lists do not have the lengths of its shape");
  for (const Json& item : value) flatten(item, shape.subspan(1), out, where);
}

}  // namespace

Json encode_safetensor(const Tensor& tensor, ScorePrecision precision, LateTexts& late) {
  at::ScalarType type = tensor.scalar_type();
  if (precision == ScorePrecision::kFloat16) type = at::kHalf;
  if (precision == ScorePrecision::kFloat8) type = at::kFloat8_e4m3fn;
  if (names_of(type) == nullptr) type = at::kFloat;
  return late.add([tensor = tensor.detach(), type](const Sink& out) {
    Base64Writer writer(out);
    const std::string header = safetensors_header(
        {{kTensorName, names_of(type)->dtype, tensor.sizes().vec(), /*bytes=*/{}}});
    writer.write(std::as_bytes(std::span(header)));
    // Row by row: a copy of the whole would be as large as everything explained.
    for (const Tensor& row : (tensor.dim() == 0 ? tensor.unsqueeze(0) : tensor).split(1)) {
      const Tensor saved = row.to(at::kCPU, type).contiguous();
      writer.write(bytes_of(saved));
    }
    writer.finish();
  });
}

Tensor decode_safetensor(const Json& value, const std::string& where) {
  INSEQ_CHECK(value.is_string(), FormatError, where, ": needs to be a tensor in base64");
  const std::vector<std::byte> bytes = decode_base64(value.get_ref<const std::string&>(), where);
  const ParsedTensors parsed = parse_safetensors(bytes, where);
  for (const TensorEntry& entry : parsed.entries) {
    if (entry.name != kTensorName) continue;
    for (const DTypeNames& names : kDTypes) {
      if (names.dtype == entry.dtype)
        return tensor_from(entry.bytes, entry.shape, names.scalar, where);
    }
  }
  throw FormatError(concat(where, ": the safetensors data holds no tensor \"", kTensorName, "\""));
}

std::string ndarray_text(const Tensor& tensor, bool pack) {
  const Tensor saved = tensor.detach().to(at::kCPU, numpy_type(tensor)).contiguous();
  const std::span<const std::byte> bytes = bytes_of(saved);
  if (pack) {
    const std::string small =
        gzip_compress({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, 9);
    // Inseq's condition for packing.
    if (static_cast<double>(small.size()) < 0.9 * static_cast<double>(bytes.size()) &&
        small.size() + 8 < bytes.size()) {
      return "b64.gz:" + base64_encode(std::as_bytes(std::span(small)));
    }
  }
  return "b64:" + base64_encode(bytes);
}

Json encode_ndarray(const Tensor& tensor, bool pack, LateTexts& late) {
  Json out{{"__ndarray__",
            late.add([tensor, pack](const Sink& sink) { sink(ndarray_text(tensor, pack)); })},
           {"dtype", names_of(numpy_type(tensor))->numpy},
           {"shape", tensor.sizes().vec()}};
  if (tensor.dim() > 1) out["Corder"] = true;
  return out;
}

Tensor decode_ndarray(const Json& value, const std::string& where) {
  INSEQ_CHECK(value.is_object() && value.contains("__ndarray__") && value.contains("shape") &&
                  value.contains("dtype") && value["dtype"].is_string(),
              FormatError, where,
              ": needs to be an array with \"__ndarray__\", \"dtype\" and \"shape\"");
  INSEQ_CHECK(!value.contains("Corder") || value["Corder"] == true, FormatError, where,
              ": arrays in column order are not understood");
  const std::vector<int64_t> shape = read_shape(value["shape"], where);
  const Json& data = value["__ndarray__"];
  if (data.is_string()) {
    return unpack_ndarray(data.get_ref<const std::string&>(), shape,
                          value["dtype"].get_ref<const std::string&>(), where);
  }
  std::vector<double> numbers;
  flatten(data, shape, numbers, where);
  return tensor_from(std::as_bytes(std::span(numbers)), shape, at::kDouble, where);
}

}  // namespace inseq::io
