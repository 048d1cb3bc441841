#include "generation/lengths.h"

#include <limits>

#include "inseq/error.h"

namespace inseq::generation {
namespace {

int64_t saturating_add(int64_t a, int64_t b) {  // both are counts
  return a > std::numeric_limits<int64_t>::max() - b ? std::numeric_limits<int64_t>::max() : a + b;
}

int64_t longest(const Options& options, int64_t prompt_tokens) {
  if (options.max_new_tokens) return saturating_add(prompt_tokens, *options.max_new_tokens);
  if (options.max_length) {
    INSEQ_CHECK(prompt_tokens < *options.max_length, InvalidArgument, "the prompt has ",
                prompt_tokens, " tokens, which leaves no room for new ones within max_length ",
                *options.max_length, "; raise max_length or set max_new_tokens");
    return *options.max_length;
  }
  const int64_t length = saturating_add(prompt_tokens, kDefaultNewTokens);
  if (!options.max_positions) return length;
  INSEQ_CHECK(prompt_tokens < *options.max_positions, InvalidArgument, "the prompt has ",
              prompt_tokens, " tokens, which leaves no room for new ones in the ",
              *options.max_positions, " positions of the model; shorten the prompt");
  return std::min(length, *options.max_positions);
}

}  // namespace

Lengths resolve_lengths(const Options& options, int64_t prompt_tokens) {
  const int64_t min = options.min_new_tokens
                          ? saturating_add(prompt_tokens, *options.min_new_tokens)
                          : options.min_length;
  return {.prompt = prompt_tokens, .max = longest(options, prompt_tokens), .min = min};
}

}  // namespace inseq::generation
