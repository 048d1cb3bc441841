#include <algorithm>
#include <set>

#include "inseq/error.h"
#include "io/tensor_file.h"

namespace inseq::io {
namespace {

/// Name of a dtype and its place in the order of the safetensors crate, which puts higher ones
/// first.
struct WrittenDtype {
  const char* name;
  int order;
};

WrittenDtype written_dtype(const TensorToWrite& tensor) {
  switch (tensor.dtype) {
    case DType::kBool:
      return {"BOOL", 0};
    case DType::kU8:
      return {"U8", 1};
    case DType::kI8:
      return {"I8", 2};
    case DType::kF8E5M2:
      return {"F8_E5M2", 3};
    case DType::kF8E4M3:
      return {"F8_E4M3", 4};
    case DType::kI16:
      return {"I16", 5};
    case DType::kF16:
      return {"F16", 6};
    case DType::kBF16:
      return {"BF16", 7};
    case DType::kI32:
      return {"I32", 8};
    case DType::kF32:
      return {"F32", 9};
    case DType::kF64:
      return {"F64", 10};
    case DType::kI64:
      return {"I64", 11};
    default:
      break;
  }
  throw Unsupported(
      concat("tensor \"", tensor.name, "\" of type ", name_of(tensor.dtype),
             " cannot be written: safetensors files hold no quantised blocks; convert to float32"));
}

/// The bytes that the tensor takes in a file.
uint64_t size_of(const TensorToWrite& tensor) {
  const std::optional<uint64_t> size = byte_size(tensor.dtype, tensor.shape);
  INSEQ_CHECK(size, InvalidArgument, "tensor \"", tensor.name, "\" of shape ",
              shape_text(tensor.shape), " has no size");
  return *size;
}

void check_tensors(const std::vector<TensorToWrite>& tensors) {
  std::set<std::string_view> names;
  for (const TensorToWrite& tensor : tensors) {
    INSEQ_CHECK(names.insert(tensor.name).second && tensor.name != "__metadata__", InvalidArgument,
                "the tensor name \"", tensor.name, "\" is taken; every tensor needs its own");
    INSEQ_CHECK(size_of(tensor) == tensor.bytes.size(), InvalidArgument, "tensor \"", tensor.name,
                "\" of shape ", shape_text(tensor.shape), " and type ", name_of(tensor.dtype),
                " does not take the ", tensor.bytes.size(), " bytes given");
  }
}

/// Widest dtypes first, then by name.
std::vector<std::pair<WrittenDtype, const TensorToWrite*>> in_order(
    const std::vector<TensorToWrite>& tensors) {
  std::vector<std::pair<WrittenDtype, const TensorToWrite*>> order;
  for (const TensorToWrite& tensor : tensors) order.emplace_back(written_dtype(tensor), &tensor);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(-a.first.order, std::string_view(a.second->name)) <
           std::pair(-b.first.order, std::string_view(b.second->name));
  });
  return order;
}

}  // namespace

std::string safetensors_header(const std::vector<TensorToWrite>& tensors,
                               const std::map<std::string, std::string>& metadata) {
  Json::object_t fields;  // a plain vector of pairs: filled without searching for duplicates
  if (!metadata.empty()) fields.push_back({"__metadata__", Json(metadata)});
  uint64_t end = 0;
  for (const auto& [dtype, tensor] : in_order(tensors)) {
    const uint64_t begin = end;
    end += size_of(*tensor);
    fields.push_back(
        {tensor->name,
         Json{{"dtype", dtype.name}, {"shape", tensor->shape}, {"data_offsets", {begin, end}}}});
  }
  std::string header;
  try {
    header = Json(std::move(fields)).dump();
  } catch (const Json::exception& error) {
    throw InvalidArgument(
        concat("a tensor name or the metadata is not valid UTF-8: ", error.what()));
  }
  header.resize((header.size() + 7) / 8 * 8, ' ');  // keeps the data aligned to 8 bytes
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + header;
}

std::string write_safetensors(const std::vector<TensorToWrite>& tensors,
                              const std::map<std::string, std::string>& metadata) {
  check_tensors(tensors);
  std::string out = safetensors_header(tensors, metadata);
  for (const auto& [dtype, tensor] : in_order(tensors)) {
    out.append(reinterpret_cast<const char*>(tensor->bytes.data()), tensor->bytes.size());
  }
  return out;
}

}  // namespace inseq::io
