#pragma once
#include <span>

#include "inseq/error.h"
#include "io/file.h"
#include "models/stack/architecture.h"
#include "support/formula_model.h"
#include "support/temporary_folder.h"

namespace inseq::models {

inline std::string data_path(const std::string& name) {
  return concat(INSEQ_TEST_DIR, "/unit/models/", name);
}

inline Json read_json(const std::string& name) {
  return Json::parse(io::read_text(data_path(name)));
}

inline Tensor read_tensor(const io::TensorFile& file, const std::string& name) {
  const io::TensorEntry* entry = file.find(name);
  const Tensor out = at::empty(entry->shape, at::kFloat);
  std::memcpy(out.data_ptr(), entry->bytes.data(), entry->bytes.size());
  return out;
}

/// A model of models.json in a folder of its own.
class ModelFolder {
 public:
  explicit ModelFolder(const std::string& name)
      : model(read_json("models.json").at(name)), tensors(read_json("data/" + name + ".json")) {}

  /// Writes config.json and model.safetensors; the members may be changed before.
  void write() const {
    std::vector<std::vector<float>> values;
    std::vector<io::TensorToWrite> to_write;
    const auto seed = model.at("seed").get<uint64_t>();
    for (const auto& [name, entry] : tensors.items()) {
      const test::FormulaTensor tensor{name, entry.at("shape").get<std::vector<int64_t>>(),
                                       entry.at("offset").get<float>(),
                                       entry.at("scale").get<float>()};
      values.push_back(test::formula_values(tensor, seed));
      to_write.push_back({name, io::DType::kF32, tensor.shape, {}});
    }
    const auto value_of = [&](const std::string& name) {
      for (size_t i = 0; i < values.size(); ++i) {
        if (to_write[i].name == name) return values[i];
      }
      return std::vector<float>();
    };
    const Json copies = model.value("copies", Json::object());
    for (const auto& [copy, of] : copies.items()) {
      values.push_back(value_of(of.get<std::string>()));
      to_write.push_back({copy,
                          io::DType::kF32,
                          tensors.at(of.get<std::string>()).at("shape").get<std::vector<int64_t>>(),
                          {}});
    }
    for (size_t i = 0; i < values.size(); ++i)
      to_write[i].bytes = std::as_bytes(std::span(values[i]));
    io::write_file(folder_.path() + "/model.safetensors", io::write_safetensors(to_write));
    io::write_file(folder_.path() + "/config.json", model.at("config").dump());
  }
  std::unique_ptr<LanguageModel> load(WeightOptions options = {}) const {
    return build_model(open_model_files(folder_.path(), /*is_gguf=*/false), options);
  }
  Tensor ids(const std::string& side) const {
    return at::tensor(model.at(side).get<std::vector<int64_t>>(), at::kLong).unsqueeze(0);
  }

  Json model, tensors;

 private:
  test::TemporaryFolder folder_;
};

}  // namespace inseq::models
