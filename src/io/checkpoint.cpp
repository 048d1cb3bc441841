#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "base/text_distance.h"
#include "inseq/error.h"
#include "io/file.h"
#include "io/tensor_file.h"
#include "io/tensor_parsers.h"

namespace inseq::io {
namespace {

namespace fs = std::filesystem;

using Opener = std::unique_ptr<TensorFile> (*)(const std::string& path);

constexpr size_t kMaxIndexBytes = size_t{1} << 28;
constexpr size_t kListed = 12;  // files named in a message

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// A file of the folder itself: nothing that could lead out of it.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

std::unique_ptr<TensorFile> open_sharded(const fs::path& index, Opener open) {
  const std::string path = index.string();
  std::map<std::string, std::shared_ptr<TensorFile>> shards;
  std::vector<TensorEntry> entries;
  for (const auto& [tensor, shard] : parse_weight_map(read_text(path, kMaxIndexBytes), path)) {
    std::shared_ptr<TensorFile>& file = shards[shard];
    if (!file) {
      const fs::path place = index.parent_path() / shard;
      INSEQ_CHECK(is_there(place), InvalidArgument, path, ": needs the file ", shard,
                  ", which is missing in ", index.parent_path().string());
      file = open(place.string());
    }
    const TensorEntry* entry = file->find(tensor);
    INSEQ_CHECK(entry, FormatError, path, ": says that tensor \"", tensor, "\" is in ", shard,
                ", but it is not there");
    entries.push_back(*entry);
  }
  std::vector<std::shared_ptr<const void>> owners;
  for (auto& [name, file] : shards) owners.push_back(std::move(file));
  return std::make_unique<TensorFile>(path, std::move(entries), std::move(owners));
}

/// What a file of weights that we do not read is, or "" for other files.
std::string unsupported_kind(const std::string& name) {
  const auto ends = [&](std::string_view end) { return name.ends_with(end); };
  if (name.starts_with("adapter_model."))
    return "holds an adapter (LoRA): merge it into its base model first";
  if (ends(".gguf")) return "is a GGUF file: give its own path instead of the folder's";
  if (ends(".h5") || ends(".ckpt") || ends(".ckpt.index"))
    return "is TensorFlow's format, which is not supported";
  if (ends(".msgpack")) return "is Flax's format, which is not supported";
  if (ends(".onnx") || ends(".ot") || ends(".pth") || ends(".pt") || ends(".npz"))
    return "is not supported";
  if (ends(".safetensors") || ends(".bin")) return "has another name than the ones looked for";
  return "";
}

[[noreturn]] void fail_without_weights(const std::string& folder,
                                       const std::vector<std::string>& looked_for) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  std::string message = concat(folder, ": no weights found; looked for ", join_choices(looked_for));
  for (const std::string& name : names) {
    if (const std::string kind = unsupported_kind(name); !kind.empty()) {
      throw InvalidArgument(concat(message, "; found ", name, ", which ", kind));
    }
  }
  if (names.empty()) throw InvalidArgument(concat(message, "; the folder is empty"));
  const size_t more = names.size() - std::min(names.size(), kListed);
  names.resize(names.size() - more);
  throw InvalidArgument(concat(message, "; the folder holds ", join_choices(names),
                               more == 0 ? "" : concat(" (and ", more, " more)")));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> parse_weight_map(std::string_view text,
                                                                  const std::string& path) {
  // Depth is bounded because only the outer two levels have a use.
  const auto limit_depth = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    INSEQ_CHECK(depth <= 16, FormatError, path, ": nests deeper than an index of shards does");
    return true;
  };
  nlohmann::json index;
  try {
    index = nlohmann::json::parse(text.begin(), text.end(), limit_depth);
  } catch (const nlohmann::json::exception& error) {
    throw FormatError(concat(path, ": is not valid JSON: ", error.what()));
  }
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  INSEQ_CHECK(index.is_object() && map != index.end() && map->is_object() && !map->empty(),
              FormatError, path, ": has no \"weight_map\" that says which file holds which tensor");
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [tensor, shard] : map->items()) {
    INSEQ_CHECK(shard.is_string() && is_plain_name(shard.get_ref<const std::string&>()),
                FormatError, path, ": tensor \"", tensor, "\" should be in ", shard.dump(),
                ", which is not the name of a file in this folder");
    out.emplace_back(tensor, shard.get<std::string>());
  }
  return out;
}

std::unique_ptr<TensorFile> open_checkpoint(const std::string& folder) {
  struct Form {
    const char* name;
    Opener open;
    bool sharded;
  };
  constexpr Form kForms[] = {{"model.safetensors", open_safetensors, false},
                             {"model.safetensors.index.json", open_safetensors, true},
                             {"pytorch_model.bin", open_torch_bin, false},
                             {"pytorch_model.bin.index.json", open_torch_bin, true}};
  std::error_code error;
  INSEQ_CHECK(fs::is_directory(folder, error), InvalidArgument, folder,
              is_there(folder) ? ": is a file, not a model folder" : ": there is no such folder");
  std::vector<std::string> names;
  for (const Form& form : kForms) {
    const fs::path path = fs::path(folder) / form.name;
    INSEQ_CHECK(is_there(path) || !fs::is_symlink(path, error), InvalidArgument, path.string(),
                ": is a link to a file that is missing; download the model again");
    if (is_there(path))
      return form.sharded ? open_sharded(path, form.open) : form.open(path.string());
    names.push_back(form.name);
  }
  fail_without_weights(folder, names);
}

}  // namespace inseq::io
