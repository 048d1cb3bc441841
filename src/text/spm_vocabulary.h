#pragma once
#include <optional>
#include <string>

#include "text/backend.h"

namespace inseq::text {

/// What a class of the tokenizers library makes of a SentencePiece file when its folder has no
/// tokenizer.json. transformers numbers the pieces anew, as fairseq did.
struct SpmVocabulary {
  Backend backend;
  Json file;        ///< stands for the description of tokenizer.json: its normaliser
  Json additional;  ///< control and user-defined pieces, as added tokens
};

/// nullopt when the class has no such file, or the folder lacks it. `settings` name the special
/// tokens.
std::optional<SpmVocabulary> load_spm_vocabulary(const std::string& folder,
                                                 const std::string& class_name,
                                                 const Json& settings);

/// The SentencePiece file that a class reads; "" when it reads none.
std::string spm_file_of(const std::string& class_name);

}  // namespace inseq::text
