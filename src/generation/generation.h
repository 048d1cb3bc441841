#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "inseq/progress.h"

namespace inseq::generation {

using Tensor = at::Tensor;
using Json = nlohmann::ordered_json;

/// How to generate: the fields of transformers' GenerationConfig that decoding here knows, with the same
/// names, meanings and defaults.
struct Options {
  int64_t max_length = 20;                      ///< tokens, prompt included
  std::optional<int64_t> max_new_tokens;        ///< tokens beyond the prompt; wins over max_length
  int64_t min_length = 0;                       ///< tokens, prompt included
  std::optional<int64_t> min_new_tokens;        ///< tokens beyond the prompt
  bool do_sample = false;                       ///< sampling instead of greedy search
  double temperature = 1.0;
  int64_t top_k = 50;                           ///< used when sampling; 0: all
  double top_p = 1.0;                           ///< used when sampling
  double repetition_penalty = 1.0;
  int64_t no_repeat_ngram_size = 0;
  std::vector<int64_t> eos_token_ids;           ///< generation of a sequence ends after any of these
  int64_t pad_token_id = 0;                     ///< fills sequences that ended early
  std::optional<uint64_t> seed;                 ///< of the sampler; drawn when absent
};

/// Reads options from layers of JSON, later ones winning: generation_config.json, then what the user gave.
/// Throws InvalidArgument for a key that transformers knows but we do not support with a non-neutral value, for
/// an unknown key (offering the nearest), and for values of the wrong type or range.
Options read_options(const std::vector<Json>& layers);

/// Asks a model for the logits of the next token. `new_ids` [batch, new] are the tokens not yet seen (the
/// whole prompt at first, then one column); `mask` [batch, total] is 0 at padding. Returns [batch, vocab] float32.
using NextLogits = std::function<Tensor(const Tensor& new_ids, const Tensor& mask)>;

/// Continues `prompt_ids` ([batch, tokens] int64, padded on the left; `prompt_mask` 0 at padding) until every
/// sequence has ended or is long enough. Returns [batch, total] with prompt, as transformers' generate().
Tensor generate(const NextLogits& next_logits, const Tensor& prompt_ids, const Tensor& prompt_mask,
                const Options& options, const ProgressCallback& progress = {});

}  // namespace inseq::generation
