#include "support/formula_model.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <numeric>
#include <span>

#include "io/file.h"
#include "io/tensor_file.h"
#include "support/golden_folder.h"

namespace inseq::test {
namespace {

namespace fs = std::filesystem;
using io::Json;

uint64_t fnv1a64(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

uint64_t splitmix64(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::vector<FormulaTensor> tensors_of(std::string_view model) {
  std::vector<FormulaTensor> tensors;
  const Json list = read_golden_json(concat("expected/models/", model, ".json"));
  for (const auto& [name, entry] : list.items()) {
    tensors.push_back({name, entry.at("shape").get<std::vector<int64_t>>(),
                       entry.at("offset").get<float>(), entry.at("scale").get<float>(),
                       entry.value("as", "")});
  }
  return tensors;
}

std::string checkpoint(std::string_view model, uint64_t seed) {
  const std::vector<FormulaTensor> tensors = tensors_of(model);
  std::vector<std::vector<float>> values;
  std::vector<io::TensorToWrite> to_write;
  for (const FormulaTensor& tensor : tensors) values.push_back(formula_values(tensor, seed));
  for (size_t i = 0; i < tensors.size(); ++i) {
    to_write.push_back(
        {tensors[i].name, io::DType::kF32, tensors[i].shape, std::as_bytes(std::span(values[i]))});
  }
  return io::write_safetensors(to_write);
}

}  // namespace

std::vector<float> formula_values(const FormulaTensor& tensor, uint64_t seed) {
  const int64_t count =
      std::accumulate(tensor.shape.begin(), tensor.shape.end(), int64_t{1}, std::multiplies<>());
  std::vector<float> values(static_cast<size_t>(count));
  uint64_t state = fnv1a64(tensor.as.empty() ? tensor.name : tensor.as) ^ seed;
  for (float& value : values) {
    const float u = static_cast<float>(splitmix64(state) >> 40) * 0x1p-23f - 1.0f;
    value = tensor.offset + tensor.scale * u;
  }
  return values;
}

std::vector<std::string> tiny_model_names() { return golden_names("models"); }

void write_model_folder(std::string_view model, const std::string& folder) {
  const Json description = read_golden_json(concat("models/", model, ".json"));
  const fs::path out = folder;
  io::write_file((out / "config.json").string(), description.at("config").dump(2));
  if (description.contains("generation_config")) {
    io::write_file((out / "generation_config.json").string(),
                   description["generation_config"].dump(2));
  }
  io::write_file((out / "model.safetensors").string(),
                 checkpoint(model, description.at("seed").get<uint64_t>()));
  const fs::path tokenizer =
      golden_path("tokenizers/" + description.at("tokenizer").get<std::string>());
  for (const auto& file : fs::directory_iterator(tokenizer)) {
    fs::copy(file.path(), out / file.path().filename(), fs::copy_options::overwrite_existing);
  }
}

}  // namespace inseq::test
