#pragma once
#include "engine/question.h"

namespace inseq::engine {

/// Copies a block's rows into the result, which is made when the first block shows its shape.
/// block: [steps, tokens, ...], the step at position `first` in front. Target tokens that a step
/// does not see stay NaN.
void place_target(const Question& question, int64_t first, const Tensor& block, Answer& answer);
/// The same into one side's result, for tokens that every step sees, such as the source's.
void place_whole(const Question& question, int64_t first, const Tensor& block, Tensor& result);
/// What the steps from `first` on give one token ([steps, ...]) into its side's result of `rows`
/// tokens; other steps' numbers stay as they are, NaN at first.
void place_token(const Question& question, int64_t first, const Tensor& given, int64_t token,
                 int64_t rows, Tensor& result);
/// What the question keeps of attributions [..., hidden]: all, or their norm over units (size 1).
Tensor kept_units(const Question& question, const Tensor& attributions);
/// The step scores of a block, from its logits ([steps, vocab]).
void place_scores(const Question& question, int64_t first, const Tensor& logits, Answer& answer);

/// [first, last) in parts of nearly equal size, none larger than `size`: a last block of one step
/// would leave the processor idle.
std::vector<std::pair<int64_t, int64_t>> even_blocks(int64_t first, int64_t last, int64_t size);

}  // namespace inseq::engine
