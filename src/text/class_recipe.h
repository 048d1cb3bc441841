#pragma once
#include <string>

#include "text/tokenizer_builder.h"

namespace inseq::text {

/// What a tokenizer class of transformers does beyond its tokenizer.json: transformers 5 keeps only
/// the vocabulary, the merges and the template of the file and builds everything else anew. A class
/// without a recipe is taken from its file as it is.
struct ClassRecipe {
  const char* model;  ///< the kind of model that the class builds: "BPE", "Unigram" or "WordPiece"
  /// Fills in the settings that the constructor has defaults for, and gives the parts for
  /// Backend::assemble. `file` describes tokenizer.json (Backend::describe).
  Json (*parts)(Json& settings, const Backend& backend, const Json& file);
  /// What the constructor does after initialise(); may be null.
  void (*finish)(TokenizerBuilder& builder) = nullptr;
};

/// The recipe of a class by its canonical name; nullptr when there is none.
const ClassRecipe* find_recipe(const std::string& class_name);

/// Those of byte-pair encoding and WordPiece, and those of Unigram and the translation models.
const ClassRecipe* find_bpe_recipe(const std::string& class_name);
const ClassRecipe* find_unigram_recipe(const std::string& class_name);

/// settings[name] = value unless it is there already; null counts as there.
void set_default(Json& settings, const char* name, Json value);
/// The content of a token setting; "" when it is null.
std::string token_content(const Json& settings, const char* name);

/// Parts as tokenizer.json writes them.
Json byte_level(bool add_prefix_space, bool use_regex = true);
Json metaspace(const char* prepend_scheme, bool split);
Json split_isolated(const char* regex);
Json sequence(const char* list, std::vector<Json> members);
Json replace_regex(const char* regex, const char* content);

/// The regular expressions that the text is split with before byte-pair encoding.
extern const char* const kQwen2Split;
extern const char* const kQwen35Split;

}  // namespace inseq::text
