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
    case io::DType::kF64:
      return at::kDouble;
    case io::DType::kF32:
      return at::kFloat;
    case io::DType::kF16:
      return at::kHalf;
    case io::DType::kBF16:
      return at::kBFloat16;
    default:
      return std::nullopt;
  }
}

}  // namespace

Weights::Weights(const io::TensorFile& file, WeightOptions options, Form form)
    : file_(file), options_(options), form_(std::move(form)) {}

const io::TensorEntry& Weights::entry(const std::string& name,
                                      const std::vector<int64_t>& shape) const {
  const std::string stored = stored_name(name);
  const io::TensorEntry* entry = file_.find(stored);
  INSEQ_CHECK(entry != nullptr, FormatError, file_.path(), ": tensor \"", stored,
              "\" is missing, which the configuration needs with shape ", shape_text(shape));
  INSEQ_CHECK(entry->shape == shape, FormatError, file_.path(), ": tensor \"", stored, "\" is ",
              shape_text(entry->shape), ", the configuration needs ", shape_text(shape));
  return *entry;
}

Tensor Weights::get(const std::string& name, const std::vector<int64_t>& shape) const {
  const io::TensorEntry& stored = entry(name, shape);  // before memory is asked for
  const Tensor out = at::empty(shape, options());
  load_into(stored, name, out);
  return out;
}

/// Fills `out`, which may be some rows of a larger tensor. The file is mapped and may be closed:
/// the values are always copied, through memcpy, since tensors in files need not be aligned.
void Weights::load_into(const io::TensorEntry& entry, const std::string& name,
                        const Tensor& out) const {
  const std::optional<at::ScalarType> plain = plain_type(entry.dtype);
  const at::ScalarType read_type = plain.value_or(at::kFloat);
  const bool direct = out.is_cpu() && out.scalar_type() == read_type && out.is_contiguous();
  const Tensor read = direct ? out : at::empty(entry.shape, at::TensorOptions(read_type));
  if (read.numel() == 0) return;
  if (plain) {
    std::memcpy(read.data_ptr(), entry.bytes.data(), entry.bytes.size());
  } else {
    io::to_float32(entry, {read.data_ptr<float>(), static_cast<size_t>(read.numel())},
                   at::get_num_threads());
  }
  if (form_.undo) {
    const Tensor undone = form_.undo(name, read);
    if (!direct || !undone.is_same(read)) out.copy_(undone);
  } else if (!direct) {
    out.copy_(read);
  }
}

bool Weights::same(const std::string& name, const std::string& other) const {
  const io::TensorEntry *a = file_.find(stored_name(name)), *b = file_.find(stored_name(other));
  if (a == nullptr || b == nullptr || a->dtype != b->dtype || a->shape != b->shape) return false;
  return a->bytes.data() == b->bytes.data() || std::ranges::equal(a->bytes, b->bytes);
}

nn::Linear Weights::linear(const std::string& name, int64_t in, int64_t out, bool bias) const {
  return {get(name + ".weight", {out, in}), bias ? get(name + ".bias", {out}) : Tensor()};
}

nn::Linear Weights::fused_linear(const std::vector<Part>& parts, int64_t in, bool bias) const {
  int64_t rows = 0;
  for (const Part& part : parts) {
    entry(part.name + ".weight", {part.out, in});  // before memory is asked for
    rows += part.out;
  }
  const Tensor weight = at::empty({rows, in}, options());
  const Tensor biases = bias ? at::empty({rows}, options()) : Tensor();
  int64_t first = 0;
  for (const Part& part : parts) {
    const std::string name = part.name + ".weight", bias_name = part.name + ".bias";
    load_into(entry(name, {part.out, in}), name, weight.narrow(0, first, part.out));
    if (bias) load_into(entry(bias_name, {part.out}), bias_name, biases.narrow(0, first, part.out));
    first += part.out;
  }
  return {weight, biases};
}

}  // namespace inseq::models
