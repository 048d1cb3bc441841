#include "generation/model_checks.h"

#include <cmath>
#include <limits>

#include "inseq/error.h"

namespace inseq::generation {

void check_prompt(const Tensor& ids, const Tensor& mask) {
  INSEQ_CHECK(ids.dim() == 2 && ids.scalar_type() == at::kLong && ids.numel() > 0, InvalidArgument,
              "prompt ids must be int64 of shape [batch, tokens] with at least one token, got ",
              ids.scalar_type(), " of shape ", ids.sizes());
  INSEQ_CHECK(mask.sizes() == ids.sizes(), InvalidArgument, "the prompt mask has shape ",
              mask.sizes(), ", the prompt ids have ", ids.sizes());
  INSEQ_CHECK(mask.select(1, -1).ne(0).all().item<bool>(), InvalidArgument,
              "prompts must be padded on the left: the last column of the mask holds zeros");
}

void check_shape(const Tensor& logits, int64_t batch) {
  INSEQ_CHECK(logits.dim() == 2 && logits.size(0) == batch && logits.size(1) > 0 &&
                  logits.is_floating_point(),
              InvalidArgument, "next-token logits must be floats of shape [", batch,
              ", vocabulary], got ", logits.scalar_type(), " of shape ", logits.sizes());
}

Tensor largest(const Tensor& scores, const Tensor& is_open) {
  return at::where(is_open, scores.amax(-1).to(at::kCPU, at::kDouble), 0.0);
}

void check_logits(const Tensor& logits, const Tensor& is_open, int64_t step) {
  const Tensor top = largest(logits, is_open);
  for (int64_t row = 0; row < top.size(0); ++row) {
    INSEQ_CHECK(top[row].item<double>() < std::numeric_limits<double>::infinity(), InvalidArgument,
                "the logits of sequence ", row, " are NaN or infinite at generated token ", step,
                "; compute in float32, or set remove_invalid_values");
  }
}

void check_choice(const Tensor& scores, const Tensor& is_open, int64_t step) {
  const Tensor top = largest(scores, is_open);
  for (int64_t row = 0; row < top.size(0); ++row) check_best(top[row].item<double>(), row, step);
}

void check_best(double best, int64_t sequence, int64_t step) {
  INSEQ_CHECK(best < std::numeric_limits<double>::infinity() || std::isnan(best), InvalidArgument,
              "the scores of sequence ", sequence, " overflow at generated token ", step,
              "; choose a temperature and a repetition_penalty nearer to 1");
  // NaN is what a softmax over nothing but forbidden tokens gives.
  INSEQ_CHECK(std::isfinite(best), InvalidArgument,
              "the generation options forbid every token of the vocabulary at generated token ",
              step, " of sequence ", sequence,
              "; loosen no_repeat_ngram_size, bad_words_ids, suppress_tokens or min_length");
}

}  // namespace inseq::generation
