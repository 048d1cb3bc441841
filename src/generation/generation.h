#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "inseq/progress.h"
#include "models/stack/language_model.h"

namespace inseq::generation {

using Tensor = at::Tensor;
using Json = nlohmann::ordered_json;

/// When beam search stops: with the first num_beams whole texts (kYes), when better ones are
/// unlikely (kNo), or when they are impossible (kNever).
enum class EarlyStopping { kNo, kYes, kNever };

/// How to generate: the fields of transformers' GenerationConfig that decoding here knows, with the
/// same names, meanings and defaults. Lengths are in tokens; a prompt is as long as its batch,
/// padding included.
struct Options {
  std::optional<int64_t> max_length{};      ///< prompt included; with neither maximum: 20 new ones
  std::optional<int64_t> max_new_tokens{};  ///< beyond the prompt; wins over max_length
  std::optional<int64_t> max_positions{};   ///< what the model can hold; limits the default of 20
  int64_t min_length = 0;                   ///< prompt included
  std::optional<int64_t> min_new_tokens{};  ///< beyond the prompt; wins over min_length

  std::vector<int64_t> eos_token_ids{};   ///< generation of a sequence ends after any of these
  std::optional<int64_t> pad_token_id{};  ///< fills ended sequences; the first EOS when absent

  int64_t num_beams = 1;  ///< texts that are followed at once; 1: no beam search
  int64_t num_return_sequences =
      1;                        ///< texts a prompt gets: at most num_beams, or any when sampling
  double length_penalty = 1.0;  ///< beams compete by log probability / new tokens ^ this
  EarlyStopping early_stopping = EarlyStopping::kNo;

  double repetition_penalty = 1.0;                    ///< of tokens in the prompt and the new text
  int64_t no_repeat_ngram_size = 0;                   ///< as many tokens never recur; 0: off
  std::vector<std::vector<int64_t>> bad_words_ids{};  ///< token sequences that never occur
  std::vector<int64_t> suppress_tokens{};             ///< tokens that never occur
  std::vector<int64_t> begin_suppress_tokens{};       ///< tokens that are never the first new one
  std::optional<int64_t> decoder_start_token_id{};    ///< what the target of an encoder begins with
  std::optional<int64_t> bos_token_id{};              ///< the same, where that is missing
  std::optional<int64_t> forced_bos_token_id{};       ///< follows a prompt of one token
  std::vector<int64_t> forced_eos_token_ids{};  ///< one of these ends a text of maximal length
  bool remove_invalid_values = false;           ///< NaN logits become 0, infinite ones finite
  /// (n, f): after n new tokens the EOS logits grow as the powers of f.
  std::optional<std::pair<int64_t, double>> exponential_decay_length_penalty{};
  bool renormalize_logits = false;  ///< log-softmax after all else

  bool do_sample = false;          ///< sampling; without it greedy search, and the rest is not used
  double temperature = 1.0;        ///< divides the logits
  int64_t top_k = 50;              ///< keeps the k likeliest tokens; 0: all
  double top_p = 1.0;              ///< keeps the likeliest tokens that add up to this probability
  std::optional<double> min_p{};   ///< keeps tokens this likely relative to the likeliest
  std::optional<double> top_h{};   ///< keeps the likeliest tokens up to this share of the entropy
  double typical_p = 1.0;          ///< keeps the most typical tokens up to this probability
  double epsilon_cutoff = 0.0;     ///< keeps tokens at least this likely
  double eta_cutoff = 0.0;         ///< the same, with a bound that falls as the entropy rises
  std::optional<uint64_t> seed{};  ///< of the sampler; drawn when absent
};

/// Where generation options are read from. A JSON null stands for an absent file or object.
struct OptionSources {
  Json generation_config{};  ///< generation_config.json; keys that nobody knows are skipped
  Json user{};               ///< wins over the files; a null value takes back what they say
  Json model_config{};       ///< config.json; as in transformers used without the former only
};

/// Reads options. Throws InvalidOption for an unknown key of the user's (offering the nearest) and
/// for values of theirs of the wrong type or range, InvalidArgument for such values in files,
/// Unsupported for a key that transformers knows but
/// decoding here does not, unless its value changes nothing.
Options read_options(const OptionSources& sources);

/// Throws InvalidArgument unless every field is in range and no two contradict each other.
void check_options(const Options& options);

/// Asks a model for the logits of the next token. `new_ids` [batch, new] are the tokens not yet
/// seen (the whole prompt at first, then one column); `mask` [batch, total] int64 is 0 at padding.
/// Returns [batch, vocab] float32. Sequences that have ended go on being fed, with the padding
/// token.
using NextLogits = std::function<Tensor(const Tensor& new_ids, const Tensor& mask)>;

/// A model in the midst of generating.
struct Decoder {
  NextLogits next_logits;
  /// Sequence i becomes what sequence rows[i] was; rows: [new batch] int64 on the CPU. Beam search
  /// needs it.
  std::function<void(const Tensor& rows)> reorder = {};
};

/// What generate() made. The texts of a prompt lie next to each other, best first.
struct Generated {
  Tensor ids;     ///< [batch * num_return_sequences, total], with prompt
  Tensor scores;  ///< [batch * num_return_sequences] float32: transformers' sequences_scores of
                  ///< beam search (log probability / new tokens ^ length_penalty); else undefined
};

/// Continues `prompt_ids` ([batch, tokens] int64, padded on the left; `prompt_mask` 0 at padding)
/// until every sequence has ended or is long enough, as transformers' generate().
///
/// Sampled text depends on the seed and the prompt only, not on the other prompts of the batch; the
/// second, third... copy of a prompt in a batch gets a text of its own.
Generated generate(const Decoder& model, const Tensor& prompt_ids, const Tensor& prompt_mask,
                   const Options& options, const ProgressCallback& progress = {});

/// What a model generates from.
struct Prompt {
  Tensor ids,
      mask;  ///< [batch, tokens], padded on the left; of the target where there is an encoder
  /// [batch, source tokens], padded on the right; undefined without an encoder.
  Tensor source_ids = {}, source_mask = {};
};

/// The same with a model: its encoder runs once, all beams share it.
Generated generate(const models::LanguageModel& model, const Prompt& prompt, const Options& options,
                   const ProgressCallback& progress = {});

/// What the decoder of a model with an encoder continues: the start token, then the prefix if there
/// is one that does not begin with it. Throws InvalidArgument when no start token is known.
std::vector<int64_t> decoder_prompt(const Options& options,
                                    const std::vector<int64_t>& prefix = {});

}  // namespace inseq::generation
