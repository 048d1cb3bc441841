#pragma once
#include <ATen/core/Tensor.h>

namespace inseq::generation {

using Tensor = at::Tensor;

/// Throws unless the prompt is int64 [batch, tokens] with a mask of that shape, padded on the left.
void check_prompt(const Tensor& ids, const Tensor& mask);
/// Throws unless the logits are floats [batch, vocab].
void check_shape(const Tensor& logits, int64_t batch);
/// The largest score of each sequence, NaN if any is: [batch] float64 on the CPU. Sequences that
/// have ended (is_open: [batch]) get 0: whatever they hold is not used.
Tensor largest(const Tensor& scores, const Tensor& is_open);
/// Throws when the model overflowed. logits: [batch, vocab]; is_open: [batch].
void check_logits(const Tensor& logits, const Tensor& is_open, int64_t step);
/// Throws when the options leave a sequence no token. scores: [batch, vocab]; is_open: [batch].
void check_choice(const Tensor& scores, const Tensor& is_open, int64_t step);
/// The same for the best score of one sequence.
void check_best(double best, int64_t sequence, int64_t step);

}  // namespace inseq::generation
