#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace inseq::io {

/// Whether a file name from elsewhere may be used below a folder of ours: components without "..",
/// not absolute, no backslashes or control characters, of a length that file systems take.
bool is_safe_file_name(std::string_view name);

/// The files of a repository that this program needs.
struct ModelFiles {
  std::vector<std::string>
      small;             ///< config.json, tokenizer files and what else goes with the weights
  std::string weights;   ///< one weight file, or the index of its shards
  bool sharded = false;  ///< `weights` is an index
};

/// Picks the needed ones from a repository's file names. Throws InvalidArgument when there is no
/// model to read among them; `id` is the repository's name for that message.
ModelFiles choose_model_files(const std::vector<std::string>& names, const std::string& id);

/// The shards that a `*.index.json` names, each once. Throws FormatError when it is not one, or
/// names a file that may not be used; `where` is what the message calls it.
std::vector<std::string> shards_of_index(const std::string& text, const std::string& where);

/// The file that `folder` lacks to be a model: "config.json", "model.safetensors", a shard; "" when
/// it lacks nothing. Broken links count as missing.
std::string missing_model_file(const std::string& folder);

/// Whether a tokenizer's files, of whatever kind, are in the folder.
bool has_tokenizer(const std::string& folder);

/// Names in a folder, sorted; empty when it cannot be read.
std::vector<std::string> names_in(const std::string& folder);

/// "a, b, c and 4 more".
std::string some_of(const std::vector<std::string>& names, size_t most = 8);

}  // namespace inseq::io
