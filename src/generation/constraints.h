#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

/// What may come next, whether sampled or not. Everywhere: `scores` [batch, vocab] are the logits
/// of the next token, `history` [batch, tokens] int64 on the CPU is the text so far; results have
/// the shape of `scores`. A forbidden token gets minus infinity.
namespace inseq::generation {

using Tensor = at::Tensor;

/// Stands in the history where the batch is padded, so that padding never counts as text.
inline constexpr int64_t kNoToken = -1;

/// Forbids `ids` in every sequence. Ids outside the vocabulary are skipped.
Tensor forbid(const Tensor& scores, const std::vector<int64_t>& ids);

/// Allows nothing but `ids`, all equally likely.
Tensor force(const Tensor& scores, const std::vector<int64_t>& ids);

/// Makes tokens of the history less likely (penalty above 1; Keskar et al. 2019):
/// positive logits are divided by the penalty, negative ones multiplied.
Tensor penalise_repetition(const Tensor& scores, const Tensor& history, double penalty);

/// Forbids tokens that would complete a run of `size` tokens for the second time (Paulus et al.
/// 2018).
Tensor forbid_repeated_ngrams(const Tensor& scores, const Tensor& history, int64_t size);

/// Forbids the last token of each word where the history ends with the tokens before it.
Tensor forbid_words(const Tensor& scores, const Tensor& history,
                    const std::vector<std::vector<int64_t>>& words);

/// Raises the logits s of `eos_ids` to s + |s| * (factor^tokens_late - 1).
Tensor hasten_end(const Tensor& scores, const std::vector<int64_t>& eos_ids, double factor,
                  int64_t tokens_late);

/// NaN becomes 0, infinities the largest and smallest float.
Tensor remove_invalid(const Tensor& scores);

}  // namespace inseq::generation
