#include "generation/beam_search.h"

#include <algorithm>

#include "generation/beams.h"
#include "generation/constraints.h"
#include "generation/logits_processors.h"
#include "generation/model_checks.h"
#include "generation/sampler.h"

namespace inseq::generation {
namespace {

/// Beam search over a batch. Texts that are done leave it, so tensors have a row for every running
/// beam of the texts that are not: [open * beams, ...].
class Search {
 public:
  Search(const Decoder& model, const Tensor& prompt_ids, const Tensor& prompt_mask,
         const Options& options)
      : model_(model),
        options_(options),
        prompt_(prompt_ids.to(at::kCPU)),
        lengths_(resolve_lengths(options, prompt_ids.size(1))),
        processors_(logits_processors(options, lengths_)),
        device_(prompt_ids.device()),
        new_ids_(prompt_ids),
        mask_(prompt_mask.ne(0).to(device_, at::kLong)),
        history_(prompt_.masked_fill(prompt_mask.to(at::kCPU).eq(0), kNoToken)) {
    for (int64_t text = 0; text < prompt_.size(0); ++text) {
      texts_.emplace_back(options, lengths_.max - lengths_.prompt);
      open_.push_back(text);
    }
    if (options.do_sample) {
      sampler_.emplace(options.seed ? *options.seed : random_seed(), history_);
    }
  }

  Generated run(const ProgressCallback& progress) {
    const int64_t steps = lengths_.max - lengths_.prompt;
    for (int64_t step = 0; step < steps && !open_.empty(); ++step) {
      advance(next_scores(step), step);
      report(progress, {.task = "Generating", .done = step + 1, .total = steps, .unit = "tokens"});
    }
    return outcome();
  }

 private:
  int64_t beams() const { return options_.num_beams; }

  /// Log probabilities of the next token: [open * beams, vocab], but [open, vocab] at first, when
  /// all beams of a text are the same.
  Tensor next_scores(int64_t step) {
    const int64_t rows = history_.size(0);
    const Tensor logits = model_.next_logits(new_ids_, mask_);
    check_shape(logits, rows);
    if (!options_.remove_invalid_values) check_logits(logits, at::ones({rows}, at::kBool), step);
    return process(processors_, logits.to(at::kFloat).log_softmax(-1), history_);
  }

  /// The best continuations of the open texts: scores and places in beam * vocab + token, on the
  /// CPU, both [open, candidates].
  std::pair<Tensor, Tensor> choose(const Tensor& scores, int64_t step) {
    const auto open = static_cast<int64_t>(open_.size());
    const int64_t vocab = scores.size(1);
    const int64_t count = std::min(Beams::candidates_needed(options_), beams() * vocab);
    Tensor sums = scores;
    if (step == 0) {
      sums = scores.repeat_interleave(beams(), 0);
    }
    std::vector<float> running;
    for (const int64_t text : open_) {
      for (const Beams::Beam& beam : texts_[static_cast<size_t>(text)].running()) {
        running.push_back(beam.score);
      }
    }
    sums = (sums + at::tensor(running).to(sums.device()).unsqueeze(1)).view({open, -1});
    if (!sampler_) {
      const auto [values, places] = sums.topk(count);  // sorted
      return {values.to(at::kCPU), places.to(at::kCPU)};
    }
    std::vector<Tensor> places;
    for (int64_t i = 0; i < open; ++i) {
      places.push_back(sampler_->draw_several(open_[static_cast<size_t>(i)], sums[i], count));
    }
    const Tensor all = at::stack(places);
    return {sums.to(at::kCPU).gather(1, all), all};
  }

  void advance(const Tensor& scores, int64_t step) {
    const int64_t vocab = scores.size(1);
    const auto [values, places] = choose(scores, step);
    const int64_t count = values.size(1);
    const float* value = values.const_data_ptr<float>();
    const int64_t* place = places.const_data_ptr<int64_t>();
    std::vector<int64_t> open, rows, next;
    for (size_t i = 0; i < open_.size(); ++i, value += count, place += count) {
      check_best(*std::max_element(value, value + count), open_[i], step);
      std::vector<Candidate> candidates;
      for (int64_t k = 0; k < count; ++k) {
        candidates.push_back({value[k], place[k] / vocab, place[k] % vocab});
      }
      Beams& text = texts_[static_cast<size_t>(open_[i])];
      const std::vector<int64_t> parents = text.advance(candidates);
      if (text.is_done()) continue;
      open.push_back(open_[i]);
      const auto first = static_cast<int64_t>(i) * (step == 0 ? 1 : beams());
      for (size_t beam = 0; beam < parents.size(); ++beam) {
        rows.push_back(first + (step == 0 ? 0 : parents[beam]));
        next.push_back(text.running()[beam].ids.back());
      }
    }
    open_ = std::move(open);
    if (!open_.empty()) follow(rows, next);
  }

  /// Goes on with the rows `rows` of the batch, each with its next token.
  void follow(const std::vector<int64_t>& rows, const std::vector<int64_t>& next) {
    const Tensor index = at::tensor(rows, at::kLong), column = at::tensor(next, at::kLong);
    bool moved = static_cast<int64_t>(rows.size()) != history_.size(0);
    for (size_t i = 0; i < rows.size(); ++i) moved = moved || rows[i] != static_cast<int64_t>(i);
    if (moved) {
      model_.reorder(index);
      history_ = history_.index_select(0, index);
      mask_ = mask_.index_select(0, index.to(device_));
    }
    history_ = at::cat({history_, column.unsqueeze(1)}, 1);
    mask_ = at::cat({mask_, mask_.new_ones({mask_.size(0), 1})}, 1);
    new_ids_ = column.unsqueeze(1).to(device_);
  }

  Generated outcome() const {
    int64_t longest = 0;
    std::vector<const Beams::Beam*> chosen;
    std::vector<float> scores;
    for (const Beams& text : texts_) {
      for (int64_t i = 0; i < options_.num_return_sequences; ++i) {
        chosen.push_back(&text.finished()[static_cast<size_t>(i)]);
        scores.push_back(chosen.back()->score);
        longest = std::max(longest, static_cast<int64_t>(chosen.back()->ids.size()));
      }
    }
    // transformers takes a padding token of 0 for none.
    const int64_t pad = options_.pad_token_id.value_or(0);
    const int64_t fill = pad != 0                         ? pad
                         : options_.eos_token_ids.empty() ? 0
                                                          : options_.eos_token_ids.front();
    const Tensor added = at::full({static_cast<int64_t>(chosen.size()), longest}, fill, at::kLong);
    for (size_t row = 0; row < chosen.size(); ++row) {
      std::copy(chosen[row]->ids.begin(), chosen[row]->ids.end(),
                added.mutable_data_ptr<int64_t>() + static_cast<int64_t>(row) * longest);
    }
    const Tensor prompts = prompt_.repeat_interleave(options_.num_return_sequences, 0);
    return {at::cat({prompts, added}, 1).to(device_), at::tensor(scores)};
  }

  const Decoder& model_;
  const Options& options_;
  Tensor prompt_;  // [batch, tokens] on the CPU
  Lengths lengths_;
  std::vector<LogitsProcessor> processors_;
  at::Device device_;
  std::vector<Beams> texts_;
  std::vector<int64_t> open_;  // texts that are not done
  Tensor new_ids_, mask_;      // [rows, new], [rows, tokens] on the prompt's device
  Tensor history_;             // [rows, tokens] on the CPU, kNoToken at padding
  std::optional<Sampler> sampler_;
};

}  // namespace

Generated beam_search(const Decoder& model, const Tensor& prompt_ids, const Tensor& prompt_mask,
                      const Options& options, const ProgressCallback& progress) {
  return Search(model, prompt_ids, prompt_mask, options).run(progress);
}

}  // namespace inseq::generation
