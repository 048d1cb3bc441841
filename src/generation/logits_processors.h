#pragma once
#include <functional>
#include <vector>

#include "generation/generation.h"
#include "generation/lengths.h"

namespace inseq::generation {

/// Changes the scores of the next token: `scores` [batch, vocab] in and out; `history` [batch,
/// tokens] is the text so far, on the CPU, kNoToken at padding.
using LogitsProcessor = std::function<Tensor(const Tensor& scores, const Tensor& history)>;

/// What the options ask for, in the order in which transformers applies it.
std::vector<LogitsProcessor> logits_processors(const Options& options, const Lengths& lengths);

/// Sends `scores` through all of them.
Tensor process(const std::vector<LogitsProcessor>& processors, Tensor scores,
               const Tensor& history);

}  // namespace inseq::generation
