#include "models/stack/weights.h"

#include <ATen/Parallel.h>

#include "inseq/error.h"

namespace inseq::models {
namespace {

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}

/// The type whose bytes can be taken as they are, if there is one.
std::optional<at::ScalarType> plain_type(io::DType dtype) {
  switch (dtype) {
    case io::DType::kF64: return at::kDouble;
    case io::DType::kF32: return at::kFloat;
    case io::DType::kF16: return at::kHalf;
    case io::DType::kBF16: return at::kBFloat16;
    default: return std::nullopt;
  }
}

}  // namespace

Weights::Weights(const io::TensorFile& file, WeightOptions options, Form form)
    : file_(file), options_(options), form_(std::move(form)) {}

bool Weights::contains(const std::string& name) const { return file_.find(stored_name(name)) != nullptr; }

Tensor Weights::get(const std::string& name, const std::vector<int64_t>& shape) const {
  const std::string stored = stored_name(name);
  const io::TensorEntry* entry = file_.find(stored);
  INSEQ_CHECK(entry != nullptr, FormatError, file_.path(), ": tensor \"", stored,
              "\" is missing, which the configuration needs with shape ", shape_text(shape));
  INSEQ_CHECK(entry->shape == shape, FormatError, file_.path(), ": tensor \"", stored, "\" is ",
              shape_text(entry->shape), ", the configuration needs ", shape_text(shape));
  const Tensor tensor = load(*entry);
  return form_.undo ? form_.undo(name, tensor) : tensor;
}

Tensor Weights::load(const io::TensorEntry& entry) const {
  Tensor out;
  if (const auto plain = plain_type(entry.dtype)) {
    // The file is mapped and may be closed: always take a copy. Reading through memcpy also serves files whose
    // tensors are not aligned to their element size.
    out = at::empty(entry.shape, at::TensorOptions(*plain));
    if (out.numel() > 0) std::memcpy(out.data_ptr(), entry.bytes.data(), entry.bytes.size());
  } else {
    out = at::empty(entry.shape, at::TensorOptions(at::kFloat));
    io::to_float32(entry, {out.data_ptr<float>(), static_cast<size_t>(out.numel())}, at::get_num_threads());
  }
  return out.to(options_.device, options_.dtype);
}

nn::Linear Weights::linear(const std::string& name, int64_t in, int64_t out, bool bias) const {
  return {get(name + ".weight", {out, in}), bias ? get(name + ".bias", {out}) : Tensor()};
}

nn::Linear Weights::fused_linear(const std::vector<Part>& parts, int64_t in, bool bias) const {
  std::vector<Tensor> weights, biases;
  for (const Part& part : parts) {
    weights.push_back(get(part.name + ".weight", {part.out, in}));
    if (bias) biases.push_back(get(part.name + ".bias", {part.out}));
  }
  return {at::cat(weights, 0), bias ? at::cat(biases, 0) : Tensor()};
}

}  // namespace inseq::models
