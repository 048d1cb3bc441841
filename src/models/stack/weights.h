#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "inseq/progress.h"
#include "io/tensor_file.h"
#include "nn/linear.h"

namespace inseq::models {

/// Where a checkpoint's weights go.
struct WeightOptions {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
};

/// Reads named tensors of a checkpoint as tensors of one type on one device, each checked against
/// the shape that the configuration asks for. Names are those of the Hugging Face checkpoint; a
/// Form translates them for other ways of storing the same model (GGUF, checkpoints saved without
/// their head).
class Weights {
 public:
  struct Form {
    std::function<std::string(const std::string&)> name;  ///< the name in the file; empty: the same
    std::function<Tensor(const std::string&, const Tensor&)>
        undo;  ///< undoes a reordering; empty: none
  };
  Weights(const io::TensorFile& file, WeightOptions options, Form form = {});

  /// The tensor called `name` with this shape. Throws FormatError when it is missing or shaped
  /// otherwise.
  Tensor get(const std::string& name, const std::vector<int64_t>& shape) const;

  /// Whether the checkpoint holds a tensor of that name.
  bool has(const std::string& name) const { return file_.find(stored_name(name)) != nullptr; }
  /// Whether both names stand for the same values. Checkpoints may store tied tensors under all of
  /// their names.
  bool same(const std::string& name, const std::string& other) const;

  /// `name`.weight [out, in] and, when `bias`, `name`.bias [out].
  nn::Linear linear(const std::string& name, int64_t in, int64_t out, bool bias) const;

  /// Type and device of the tensors.
  at::TensorOptions options() const {
    return at::TensorOptions(options_.dtype).device(options_.device);
  }

  /// Rows of several linear maps from the same input, one under the other: their outputs come side
  /// by side.
  struct Part {
    std::string name;
    int64_t out;
  };
  nn::Linear fused_linear(const std::vector<Part>& parts, int64_t in, bool bias) const;

 private:
  std::string stored_name(const std::string& name) const {
    return form_.name ? form_.name(name) : name;
  }
  const io::TensorEntry& entry(const std::string& name, const std::vector<int64_t>& shape) const;
  void load_into(const io::TensorEntry& entry, const std::string& name, const Tensor& out) const;
  const io::TensorFile& file_;
  WeightOptions options_;
  Form form_;
};

}  // namespace inseq::models
