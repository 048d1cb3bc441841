#pragma once
#include <map>

#include "models/stack/config.h"
#include "models/stack/language_model.h"
#include "models/stack/weights.h"

namespace inseq::models {

/// What one architecture file knows: how to read its configuration and name its tensors. It holds
/// no forward code.
struct Architecture {
  std::string summary;  ///< for `inseq models`, e.g. "Llama, Mistral and other models of this form"
  /// Assembles the model from a configuration and its weights.
  std::unique_ptr<LanguageModel> (*build)(const Config& config, const Weights& weights);
  /// The name under which a checkpoint stores a tensor that `build` asks for; null: as it is.
  std::string (*stored_name)(const std::string& name, const io::TensorFile& file) = nullptr;
  /// GGUF: values of general.architecture that mean this one, its configuration, and its tensor
  /// names.
  std::vector<std::string> gguf_architectures = {};
  Json (*gguf_config)(const io::GgufFile& file) = nullptr;
  std::string (*gguf_name)(const std::string& name) = nullptr;
  /// Undoes what the GGUF converter did to a tensor; null: nothing.
  Tensor (*gguf_undo)(const std::string& name, const Tensor& tensor,
                      const Config& config) = nullptr;
};

/// Architectures by the class names of transformers ("LlamaForCausalLM").
class ArchitectureRegistry {
 public:
  void add(const std::vector<std::string>& class_names, const Architecture& architecture);
  /// Throws Unsupported naming the supported ones.
  const Architecture& at(const std::string& class_name) const;
  /// The class name that a GGUF architecture stands for. Throws Unsupported naming the supported
  /// ones.
  std::string class_of_gguf(const std::string& architecture) const;
  const std::map<std::string, Architecture>& all() const { return by_class_; }

 private:
  std::map<std::string, Architecture> by_class_;
};

/// All architectures of this build.
const ArchitectureRegistry& architectures();

/// Defined by the build: calls register_<file> for every file of src/models.
void register_all(ArchitectureRegistry& registry);

/// A checkpoint opened and understood, before its weights are loaded.
struct ModelFiles {
  std::unique_ptr<io::TensorFile> tensors;
  Config config;           ///< config.json, or its equivalent from GGUF metadata
  std::string class_name;  ///< transformers' class
  Json generation_config;  ///< generation_config.json, or null
  Json gguf_metadata;      ///< of a GGUF file, else null
};

/// Opens a model folder or a .gguf file. Throws as the readers do, and Unsupported for an unknown
/// architecture.
ModelFiles open_model_files(const std::string& path, bool is_gguf);

/// Loads the weights.
std::unique_ptr<LanguageModel> build_model(const ModelFiles& files, const WeightOptions& options);

}  // namespace inseq::models
