#pragma once
#include <map>
#include <string>

#include "text/added_token.h"

namespace inseq::text {

/// The constructor arguments that transformers gathers from a model folder.
struct FolderSettings {
  Json settings = Json::object();
  std::map<int64_t, AddedToken> added;  ///< tokens to add, by id
};

/// Reads tokenizer_config.json (given as `config`), special_tokens_map.json, added_tokens.json and
/// the files of chat templates. `overrides` win over all of them. `file` describes tokenizer.json;
/// null when there is none.
FolderSettings gather_settings(const std::string& folder, Json config, const Json& overrides,
                               const Json& file);

}  // namespace inseq::text
