#pragma once
#include "generation/generation.h"

namespace inseq::generation {

/// New tokens when nobody says how many.
inline constexpr int64_t kDefaultNewTokens = 20;

/// What the four length options come to for one batch. In tokens, prompt and its padding included.
struct Lengths {
  int64_t prompt = 0;
  int64_t max = 0;
  int64_t min = 0;  ///< no EOS before this length
};

/// Throws InvalidArgument when the prompt leaves no room for a new token.
Lengths resolve_lengths(const Options& options, int64_t prompt_tokens);

}  // namespace inseq::generation
