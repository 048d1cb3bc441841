#pragma once
#include <string>

namespace inseq::text {

/// What a model folder says about the class of its tokenizer; "" where it says nothing.
struct ClassHints {
  std::string model_type;       ///< config.json
  std::string model_name;       ///< config.json
  std::string config_class;     ///< tokenizer_class of config.json
  std::string tokenizer_class;  ///< tokenizer_class of tokenizer_config.json
  std::string folder;           ///< its path; snapshots of the hub carry the repository's name
  bool byte_level = false;      ///< tokenizer.json mentions ByteLevel
};

/// The name of the class that AutoTokenizer of transformers 5 loads: the class that
/// tokenizer_config.json names, unless the model type is registered with another one or the name is
/// known to be wrong.
std::string choose_tokenizer_class(const ClassHints& hints);

/// The name a class has in transformers 5 under any of its names ("BartTokenizerFast":
/// "RobertaTokenizer");
/// "" when it has no class of this name.
std::string canonical_class(const std::string& name);

/// Whether the class is written in Python or around SentencePiece, and takes nothing from
/// tokenizer.json.
bool is_slow_class(const std::string& canonical);

}  // namespace inseq::text
