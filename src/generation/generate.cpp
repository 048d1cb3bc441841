#include "generation/beam_search.h"
#include "generation/constraints.h"
#include "generation/generation.h"
#include "generation/lengths.h"
#include "generation/logits_processors.h"
#include "generation/model_checks.h"
#include "generation/sampler.h"
#include "inseq/error.h"

namespace inseq::generation {
namespace {

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

/// Greedy search and sampling.
Tensor one_by_one(const NextLogits& next_logits, const Tensor& prompt_ids,
                  const Tensor& prompt_mask, const Options& options,
                  const ProgressCallback& progress) {
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

}  // namespace

Generated generate(const Decoder& model, const Tensor& prompt_ids, const Tensor& prompt_mask,
                   const Options& options, const ProgressCallback& progress) {
  check_options(options);
  check_prompt(prompt_ids, prompt_mask);
  const at::NoGradGuard no_grad;
  if (options.num_beams > 1) {
    INSEQ_CHECK(model.reorder, InvalidArgument,
                "beam search needs a model whose cache can be reordered");
    return beam_search(model, prompt_ids, prompt_mask, options, progress);
  }
  const int64_t copies = options.num_return_sequences;
  return {one_by_one(model.next_logits, prompt_ids.repeat_interleave(copies, 0),
                     prompt_mask.repeat_interleave(copies, 0), options, progress),
          Tensor()};
}

Generated generate(const models::LanguageModel& model, const Prompt& prompt, const Options& options,
                   const ProgressCallback& progress) {
  const at::NoGradGuard no_grad;
  const int64_t copies = options.num_beams > 1 ? 1 : options.num_return_sequences;
  const std::unique_ptr<models::LanguageModel::Cache> cache =
      model.start(prompt.source_ids, prompt.source_mask);
  if (prompt.source_ids.defined() && copies > 1) {
    cache->reorder(at::arange(prompt.source_ids.size(0), at::kLong).repeat_interleave(copies));
  }
  const Decoder decoder{
      .next_logits = [&](const Tensor& ids,
                         const Tensor& mask) { return model.next_logits(ids, mask, *cache); },
      .reorder = [&](const Tensor& rows) { cache->reorder(rows); }};
  return generate(decoder, prompt.ids, prompt.mask, options, progress);
}

std::vector<int64_t> decoder_prompt(const Options& options, const std::vector<int64_t>& prefix) {
  const auto start =
      options.decoder_start_token_id ? options.decoder_start_token_id : options.bos_token_id;
  INSEQ_CHECK(start.has_value(), InvalidArgument,
              "the model's files name no decoder_start_token_id (and no bos_token_id); add it to "
              "the generation options");
  std::vector<int64_t> ids = prefix;
  if (ids.empty() || ids.front() != *start) ids.insert(ids.begin(), *start);
  return ids;
}

}  // namespace inseq::generation
