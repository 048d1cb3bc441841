#include <cmath>
#include <limits>

#include "generation/constraints.h"
#include "generation/generation.h"
#include "generation/lengths.h"
#include "generation/logits_processors.h"
#include "generation/sampler.h"
#include "inseq/error.h"

namespace inseq::generation {
namespace {

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

/// The largest score of each sequence, NaN if any is: [batch] float64 on the CPU. Sequences that
/// have ended (is_open: [batch]) get 0: whatever they hold is not used.
Tensor largest(const Tensor& scores, const Tensor& is_open) {
  return at::where(is_open, scores.amax(-1).to(at::kCPU, at::kDouble), 0.0);
}

/// Throws when the model overflowed. logits: [batch, vocab]; is_open: [batch].
void check_logits(const Tensor& logits, const Tensor& is_open, int64_t step) {
  const Tensor top = largest(logits, is_open);
  for (int64_t row = 0; row < top.size(0); ++row) {
    INSEQ_CHECK(top[row].item<double>() < std::numeric_limits<double>::infinity(), InvalidArgument,
                "the logits of sequence ", row, " are NaN or infinite at generated token ", step,
                "; compute in float32, or set remove_invalid_values");
  }
}

/// Throws when the options leave a sequence no token. scores: [batch, vocab]; is_open: [batch].
void check_choice(const Tensor& scores, const Tensor& is_open, int64_t step) {
  const Tensor top = largest(scores, is_open);
  for (int64_t row = 0; row < top.size(0); ++row) {
    const double best = top[row].item<double>();
    INSEQ_CHECK(best < std::numeric_limits<double>::infinity() || std::isnan(best), InvalidArgument,
                "the scores of sequence ", row, " overflow at generated token ", step,
                "; choose a temperature and a repetition_penalty nearer to 1");
    // NaN is what a softmax over nothing but forbidden tokens gives.
    INSEQ_CHECK(std::isfinite(best), InvalidArgument,
                "the generation options forbid every token of the vocabulary at generated token ",
                step, " of sequence ", row,
                "; loosen no_repeat_ngram_size, bad_words_ids, suppress_tokens or min_length");
  }
}

/// The texts of a batch as they grow.
struct Texts {
  Tensor ids;      // [batch, tokens] int64 on the CPU
  Tensor history;  // the same with kNoToken at padding
  Tensor mask;     // [batch, tokens] int64 on the prompt's device
  Tensor is_open;  // [batch] bool on the CPU: no EOS yet

  Texts(const Tensor& prompt_ids, const Tensor& prompt_mask)
      : ids(prompt_ids.to(at::kCPU)),
        history(ids.masked_fill(prompt_mask.to(at::kCPU).eq(0), kNoToken)),
        mask(prompt_mask.ne(0).to(prompt_ids.device(), at::kLong)),
        is_open(at::ones({ids.size(0)}, at::kBool)) {}

  /// next: [batch]
  void append(const Tensor& next) {
    const Tensor column = next.unsqueeze(1);
    ids = at::cat({ids, column}, 1);
    history = at::cat({history, column}, 1);
    mask = at::cat({mask, mask.new_ones({mask.size(0), 1})}, 1);
  }
};

}  // namespace

Tensor generate(const NextLogits& next_logits, const Tensor& prompt_ids, const Tensor& prompt_mask,
                const Options& options, const ProgressCallback& progress) {
  check_options(options);
  check_prompt(prompt_ids, prompt_mask);
  const at::NoGradGuard no_grad;
  const Lengths lengths = resolve_lengths(options, prompt_ids.size(1));
  const std::vector<LogitsProcessor> processors = logits_processors(options, lengths);
  const Tensor eos_ids = at::tensor(options.eos_token_ids, at::kLong);
  Texts texts(prompt_ids, prompt_mask);
  std::optional<Sampler> sampler;
  if (options.do_sample) {
    sampler.emplace(options.seed ? *options.seed : random_seed(), texts.history);
  }

  Tensor new_ids = prompt_ids;
  for (int64_t length = lengths.prompt; length < lengths.max; ++length) {
    const int64_t step = length - lengths.prompt;
    const Tensor logits = next_logits(new_ids, texts.mask);
    check_shape(logits, texts.ids.size(0));
    if (!options.remove_invalid_values) check_logits(logits, texts.is_open, step);
    const Tensor scores = process(processors, logits.to(at::kFloat), texts.history);
    check_choice(scores, texts.is_open, step);
    Tensor next = sampler ? sampler->draw(scores) : scores.argmax(-1).to(at::kCPU);  // [batch]
    if (!options.eos_token_ids.empty()) {
      const int64_t pad = options.pad_token_id.value_or(options.eos_token_ids[0]);
      next = next.masked_fill(texts.is_open.logical_not(), pad);
      texts.is_open = texts.is_open.logical_and(at::isin(next, eos_ids).logical_not());
    }
    texts.append(next);
    report(progress, {.task = "Generating",
                      .done = step + 1,
                      .total = lengths.max - lengths.prompt,
                      .unit = "tokens"});
    if (!texts.is_open.any().item<bool>()) break;
    new_ids = next.unsqueeze(1).to(prompt_ids.device());
  }
  return texts.ids.to(prompt_ids.device());
}

}  // namespace inseq::generation
