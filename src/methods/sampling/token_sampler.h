#pragma once
#include "engine/question.h"

namespace inseq::methods {

/// What may replace a token.
enum class Replacements {
  kAny,              ///< all tokens without a special meaning, with the same probability
  kSamePartOfSpeech  ///< those of them that have its part of speech, taken as English words
};

/// Draws random tokens in place of those of a text.
class TokenSampler {
 public:
  /// `text` [tokens]: ids, of which the first `source` are the source's.
  TokenSampler(const engine::Question& question, const models::ModelSizes& sizes,
               const at::Tensor& text, int64_t source, Replacements kind);

  /// For the first `tokens` tokens of the text: [rows, tokens] int64.
  at::Tensor draw(int64_t rows, int64_t tokens, at::Generator& random) const;

 private:
  at::Tensor candidates_;  // ids; those that may replace one token lie beside each other
  at::Tensor first_;       // [tokens]: where they begin
  at::Tensor count_;       // [tokens]: how many they are
};

}  // namespace inseq::methods
