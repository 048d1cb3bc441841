#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace inseq::test {

/// Offset and scale of a tensor whose elements are given by a formula.
struct FormulaTensor {
  std::string name;
  std::vector<int64_t> shape;
  float offset = 0;
  float scale = 1;      ///< a power of two, so that every machine gets the same values
  std::string as = {};  ///< the tensor whose values it has; empty: its own
};

/// Element i is offset + scale * u, where u in [-1, 1) is the top 24 bits of output i of the
/// generator splitmix64 started at fnv1a64(name) xor seed. The twin of tools/models/formula.py.
std::vector<float> formula_values(const FormulaTensor& tensor, uint64_t seed);

/// The names of the tiny models in tests/golden/models ("llama_base", "gpt2_odd", …), sorted.
std::vector<std::string> tiny_model_names();

/// Writes the folder of a tiny model, as tools/models/make_model.py does: config.json,
/// model.safetensors, tokenizer files, and generation_config.json where the model has one. `folder`
/// must exist.
void write_model_folder(std::string_view model, const std::string& folder);

}  // namespace inseq::test
