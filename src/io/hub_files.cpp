#include "io/hub_files.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/text_distance.h"
#include "inseq/error.h"
#include "io/file.h"
#include "io/hub_http.h"
#include "io/tensor_parsers.h"

namespace inseq::io {
namespace {

/// Weight files in the order in which a checkpoint reader looks for them.
constexpr struct {
  const char* name;
  bool is_index;
} kWeightForms[] = {
    {"model.safetensors", false},
    {"model.safetensors.index.json", true},
    {"pytorch_model.bin", false},
    {"pytorch_model.bin.index.json", true},
};

constexpr const char* kSmallFiles[] = {
    "config.json",       "generation_config.json",  "tokenizer.json",     "tokenizer_config.json",
    "added_tokens.json", "special_tokens_map.json", "vocab.json",         "merges.txt",
    "vocab.txt",         "target_vocab.json",       "chat_template.jinja"};

bool is_sentencepiece(std::string_view name) {
  return name.ends_with(".spm") || name.ends_with(".model");
}

bool is_small_file(const std::string& name) {
  return name.find('/') == std::string::npos &&
         (is_sentencepiece(name) ||
          std::find(std::begin(kSmallFiles), std::end(kSmallFiles), name) != std::end(kSmallFiles));
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

[[noreturn]] void refuse_without_weights(const std::vector<std::string>& names,
                                         const std::string& id) {
  std::vector<std::string> gguf;
  std::vector<std::string> others;
  for (const std::string& name : names) {
    if (!is_safe_file_name(name)) continue;
    (name.ends_with(".gguf") ? gguf : others).push_back(name);
  }
  std::string found = "it holds " + some_of(others);
  if (others.empty()) found = "it is empty";
  INSEQ_CHECK(gguf.empty(), InvalidArgument, "the hub model \"", id,
              "\" has its weights in GGUF files only; name one of them, as in \"", id, "/", gguf[0],
              "\"; it has ", some_of(gguf));
  INSEQ_CHECK(!contains(names, "adapter_config.json"), InvalidArgument, "the hub model \"", id,
              "\" is an adapter (adapter_config.json); merge it into its base model first");
  throw InvalidArgument(concat("the hub model \"", id,
                               "\" has no weights that can be read; needed are model.safetensors, "
                               "pytorch_model.bin, their sharded forms or a .gguf file; ",
                               found));
}

}  // namespace

bool is_safe_file_name(std::string_view name) {
  if (name.empty() || name.size() > 1024) return false;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part.size() > 200 || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return c >= ' ' && c < '\x7f' && c != '\\' && c != ':'; });
}

ModelFiles choose_model_files(const std::vector<std::string>& names, const std::string& id) {
  ModelFiles files;
  for (const auto& form : kWeightForms) {
    if (files.weights.empty() && contains(names, form.name)) {
      files.weights = form.name;
      files.sharded = form.is_index;
    }
  }
  if (files.weights.empty()) refuse_without_weights(names, excerpt(id));
  INSEQ_CHECK(contains(names, "config.json"), InvalidArgument, "the hub model \"", excerpt(id),
              "\" has ", files.weights, " but no config.json, which says what the weights are");
  for (const std::string& name : names) {
    if (is_small_file(name) && is_safe_file_name(name) && !contains(files.small, name)) {
      files.small.push_back(name);
    }
  }
  return files;
}

std::vector<std::string> shards_of_index(const std::string& text, const std::string& where) {
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : parse_weight_map(text, where)) {
    INSEQ_CHECK(is_safe_file_name(shard), FormatError, where, ": \"weight_map\" names the file \"",
                excerpt(shard), "\", which is no name to save a file by");
    shards.insert(shard);
  }
  return {shards.begin(), shards.end()};
}

std::string missing_model_file(const std::string& folder) {
  const auto exists = [&](const std::string& name) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(folder + "/" + name, ignored);
  };
  if (!exists("config.json")) return "config.json";
  for (const auto& form : kWeightForms) {
    if (!exists(form.name)) continue;
    if (!form.is_index) return "";
    const std::string index = folder + "/" + form.name;
    for (const std::string& shard : shards_of_index(read_text(index), index)) {
      if (!exists(shard)) return shard;
    }
    return "";
  }
  return "model.safetensors";
}

bool has_tokenizer(const std::string& folder) {
  const std::vector<std::string> names = names_in(folder);
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name == "tokenizer.json" || name == "vocab.json" || name == "vocab.txt" ||
           is_sentencepiece(name);
  });
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code failure;
  std::filesystem::directory_iterator entry(folder, failure);
  while (!failure && entry != std::filesystem::directory_iterator()) {
    names.push_back(entry->path().filename().string());
    entry.increment(failure);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string some_of(const std::vector<std::string>& names, size_t most) {
  if (names.size() <= most) return join_choices(names);
  std::vector<std::string> shown(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(most));
  shown.push_back(concat(names.size() - most, " more"));
  return join_choices(shown);
}

}  // namespace inseq::io
