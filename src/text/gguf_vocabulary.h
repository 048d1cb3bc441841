#pragma once
#include <string>
#include <vector>

#include "text/backend.h"

namespace inseq::text {

/// The keys "tokenizer.ggml.*" of a GGUF file, checked.
struct GgufVocabulary {
  std::string model;                ///< "gpt2", "llama", "t5" or "gemma4"
  std::string pre;                  ///< how text is split before byte-pair encoding; may be ""
  std::vector<std::string> tokens;  ///< token i has id i
  std::vector<int64_t> types;       ///< 3: control, 4: user-defined; may be shorter than tokens
  std::vector<double> scores;       ///< empty, or one a token
  Merges merges;
  bool has_merges = false;
};

/// Reads the vocabulary of a file's metadata. FormatError names the key that is missing or wrong.
GgufVocabulary read_gguf_vocabulary(const Json& metadata);

/// Which of the cuts of one token comes first, by its left part.
enum class CutOrder { kLongestFirst, kShortestFirst };

/// The pairs that byte-pair encoding may join, in order, recovered from the vocabulary: every way
/// to cut a token in two tokens. `ranks`: best first is greatest first.
Merges recover_merges(const std::vector<std::string>& tokens, const std::vector<double>& ranks,
                      CutOrder order = CutOrder::kLongestFirst);

}  // namespace inseq::text
