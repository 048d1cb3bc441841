#include "models/stack/architecture.h"

#include <filesystem>

#include "base/text_distance.h"
#include "inseq/error.h"
#include "io/file.h"
#include "text/json_file.h"

namespace inseq::models {
namespace {

std::string supported(const std::map<std::string, Architecture>& all) {
  std::vector<std::string> names;
  for (const auto& [name, architecture] : all) names.push_back(name);
  return join_choices(names);
}

/// The first entry of "architectures" is what transformers would load.
std::string class_in(const Config& config) {
  const Json& json = config.json();
  INSEQ_CHECK(config.has("architectures"), FormatError, config.path(),
              ": \"architectures\" is missing, which says what kind of model this is");
  const bool listed = json["architectures"].is_array() && !json["architectures"].empty() &&
                      json["architectures"][0].is_string();
  INSEQ_CHECK(listed, FormatError, config.path(), ": \"architectures\" is ",
              json["architectures"].dump(),
              ", needed is a list with the name of the model's class");
  return json["architectures"][0].get<std::string>();
}

}  // namespace

void ArchitectureRegistry::add(const std::vector<std::string>& class_names,
                               const Architecture& architecture) {
  for (const std::string& name : class_names) {
    INSEQ_CHECK(by_class_.emplace(name, architecture).second, InvalidArgument, "architecture \"",
                name, "\" is registered twice");
  }
}

const Architecture& ArchitectureRegistry::at(const std::string& class_name) const {
  const auto found = by_class_.find(class_name);
  INSEQ_CHECK(found != by_class_.end(), Unsupported, "models of class \"", class_name,
              "\" are not supported; supported are ", supported(by_class_));
  return found->second;
}

std::string ArchitectureRegistry::class_of_gguf(const std::string& architecture) const {
  std::vector<std::string> known;
  for (const auto& [name, entry] : by_class_) {
    for (const std::string& gguf : entry.gguf_architectures) {
      if (gguf == architecture) return name;
      known.push_back(gguf);
    }
  }
  throw Unsupported(concat("GGUF files of architecture \"", architecture,
                           "\" are not supported; supported are ", join_choices(known)));
}

const ArchitectureRegistry& architectures() {
  static const ArchitectureRegistry registry = [] {
    ArchitectureRegistry all;
    register_all(all);
    return all;
  }();
  return registry;
}

ModelFiles open_model_files(const std::string& path, bool is_gguf) {
  ModelFiles files;
  files.generation_config = nullptr;
  if (is_gguf) {
    auto gguf = io::open_gguf(path);
    files.gguf_metadata = gguf->metadata();
    const Json& metadata = files.gguf_metadata;
    INSEQ_CHECK(
        metadata.contains("general.architecture") && metadata["general.architecture"].is_string(),
        FormatError, path,
        ": the metadata does not say which architecture this is (general.architecture)");
    files.class_name =
        architectures().class_of_gguf(metadata["general.architecture"].get<std::string>());
    files.config = Config(architectures().at(files.class_name).gguf_config(*gguf), path);
    files.tensors = std::move(gguf);
  } else {
    const std::string config = path + "/config.json";
    files.config = Config(text::parse_object(io::read_text(config), config), config);
    files.class_name = class_in(files.config);
    architectures().at(
        files.class_name);  // before the weights: an unknown class is the better message
    files.tensors = io::open_checkpoint(path);
    constexpr const char* kGeneration = "generation_config.json";
    std::error_code error;
    if (std::filesystem::exists(path + "/" + kGeneration, error)) {
      INSEQ_CHECK(text::has_file(path, kGeneration), FormatError, path, "/", kGeneration,
                  ": is no regular file");
      files.generation_config = text::read_object(path, kGeneration);
    }
  }
  return files;
}

std::unique_ptr<LanguageModel> build_model(const ModelFiles& files, const WeightOptions& options) {
  const Architecture& architecture = architectures().at(files.class_name);
  const bool is_gguf = !files.gguf_metadata.is_null();
  Weights::Form form;
  if (is_gguf) {
    form.name = architecture.gguf_name;
    if (architecture.gguf_undo != nullptr) {
      form.undo = [&](const std::string& name, const Tensor& tensor) {
        return architecture.gguf_undo(name, tensor, files.config);
      };
    }
  } else if (architecture.stored_name != nullptr) {
    form.name = [&](const std::string& name) {
      return architecture.stored_name(name, *files.tensors);
    };
  }
  return architecture.build(files.config, Weights(*files.tensors, options, form));
}

}  // namespace inseq::models
