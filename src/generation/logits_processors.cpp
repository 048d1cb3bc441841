#include "generation/logits_processors.h"

#include "generation/constraints.h"
#include "generation/sampling_filters.h"

namespace inseq::generation {
namespace {

/// `words` without those that are one EOS token: these must stay possible, or no text would end.
std::vector<std::vector<int64_t>> without_eos(std::vector<std::vector<int64_t>> words,
                                              const std::vector<int64_t>& eos_ids) {
  std::erase_if(words, [&](const std::vector<int64_t>& word) {
    return word.size() == 1 && std::count(eos_ids.begin(), eos_ids.end(), word[0]) > 0;
  });
  return words;
}

/// Constraints from the text so far.
void add_history_constraints(std::vector<LogitsProcessor>& list, const Options& o) {
  if (o.repetition_penalty != 1.0) {
    list.push_back([penalty = o.repetition_penalty](const Tensor& scores, const Tensor& history) {
      return penalise_repetition(scores, history, penalty);
    });
  }
  if (o.no_repeat_ngram_size > 0) {
    list.push_back([size = o.no_repeat_ngram_size](const Tensor& scores, const Tensor& history) {
      return forbid_repeated_ngrams(scores, history, size);
    });
  }
  if (auto words = without_eos(o.bad_words_ids, o.eos_token_ids); !words.empty()) {
    list.push_back([words = std::move(words)](const Tensor& scores, const Tensor& history) {
      return forbid_words(scores, history, words);
    });
  }
}

/// Constraints on how the new text begins and ends.
void add_length_constraints(std::vector<LogitsProcessor>& list, const Options& o,
                            const Lengths& lengths) {
  // Adds `change` for the steps at which the text's length fulfils `when`.
  const auto add = [&](auto when, const auto& change) {
    list.push_back([when, change](const Tensor& scores, const Tensor& history) {
      return when(history.size(1)) ? change(scores, history.size(1)) : scores;
    });
  };
  if (lengths.min > lengths.prompt && !o.eos_token_ids.empty()) {
    add([min = lengths.min](int64_t length) { return length < min; },
        [ids = o.eos_token_ids](const Tensor& scores, int64_t) { return forbid(scores, ids); });
  }
  if (o.forced_bos_token_id) {
    add([](int64_t length) { return length == 1; },
        [id = *o.forced_bos_token_id](const Tensor& scores, int64_t) {
          return force(scores, {id});
        });
  }
  if (!o.forced_eos_token_ids.empty()) {
    add([last = lengths.max - 1](int64_t length) { return length == last; },
        [ids = o.forced_eos_token_ids](const Tensor& scores, int64_t) {
          return force(scores, ids);
        });
  }
  if (o.remove_invalid_values) {
    list.push_back([](const Tensor& scores, const Tensor&) { return remove_invalid(scores); });
  }
  if (o.exponential_decay_length_penalty && !o.eos_token_ids.empty()) {
    const auto [tokens, factor] = *o.exponential_decay_length_penalty;
    // The difference stays in range whatever `tokens` is; the sum might not.
    add([prompt = lengths.prompt, tokens](int64_t length) { return length - prompt > tokens; },
        [prompt = lengths.prompt, tokens, factor, ids = o.eos_token_ids](const Tensor& scores,
                                                                         int64_t length) {
          return hasten_end(scores, ids, factor, length - prompt - tokens);
        });
  }
}

void add_suppressed_tokens(std::vector<LogitsProcessor>& list, const Options& o,
                           const Lengths& lengths) {
  if (!o.suppress_tokens.empty()) {
    list.push_back([ids = o.suppress_tokens](const Tensor& scores, const Tensor&) {
      return forbid(scores, ids);
    });
  }
  if (!o.begin_suppress_tokens.empty()) {
    // A forced first token is no choice: then the one after it begins the text.
    const bool forced = lengths.prompt <= 1 && o.forced_bos_token_id;
    list.push_back([begin = lengths.prompt + (forced ? 1 : 0), ids = o.begin_suppress_tokens](
                       const Tensor& scores, const Tensor& history) {
      return history.size(1) == begin ? forbid(scores, ids) : scores;
    });
  }
}

void add_sampling_filters(std::vector<LogitsProcessor>& list, const Options& o) {
  const auto add = [&](bool wanted, Tensor (*filter)(const Tensor&, double), double value) {
    if (!wanted) return;
    list.push_back(
        [filter, value](const Tensor& scores, const Tensor&) { return filter(scores, value); });
  };
  add(o.temperature != 1.0, [](const Tensor& s, double t) { return Tensor(s / t); }, o.temperature);
  add(o.top_h.has_value(), keep_top_h, o.top_h.value_or(0));
  if (o.top_k > 0) {
    list.push_back(
        [k = o.top_k](const Tensor& scores, const Tensor&) { return keep_top_k(scores, k); });
  }
  add(o.top_p < 1.0, keep_top_p, o.top_p);
  add(o.min_p.has_value(), keep_min_p, o.min_p.value_or(0));
  add(o.typical_p < 1.0, keep_typical, o.typical_p);
  add(o.epsilon_cutoff > 0.0, keep_epsilon, o.epsilon_cutoff);
  add(o.eta_cutoff > 0.0, keep_eta, o.eta_cutoff);
}

}  // namespace

std::vector<LogitsProcessor> logits_processors(const Options& options, const Lengths& lengths) {
  std::vector<LogitsProcessor> list;
  add_history_constraints(list, options);
  add_length_constraints(list, options, lengths);
  add_suppressed_tokens(list, options, lengths);
  if (options.do_sample) add_sampling_filters(list, options);
  if (options.renormalize_logits) {
    list.push_back([](const Tensor& scores, const Tensor&) { return scores.log_softmax(-1); });
  }
  return list;
}

Tensor process(const std::vector<LogitsProcessor>& processors, Tensor scores,
               const Tensor& history) {
  for (const LogitsProcessor& processor : processors) scores = processor(scores, history);
  return scores;
}

}  // namespace inseq::generation
