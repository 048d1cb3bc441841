#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace inseq {

using Tensor = at::Tensor;
using Json = nlohmann::ordered_json;

/// A piece of text as the tokenizer names it, with its vocabulary id (-1 when it stands for two
/// tokens).
struct Token {
  std::string text;
  int64_t id = 0;
  bool operator==(const Token&) const = default;
};

/// What the trailing axes of an attribution tensor hold; decides the default aggregation.
enum class AttributionKind {
  kPlain,             ///< nothing: one score per token and step
  kGranular,          ///< hidden units of the attributed layer (gradient methods)
  kCoarse,            ///< nothing: one score per token and step (perturbation methods)
  kMultiDimensional,  ///< layers, or layers and heads (attention)
};

/// Everything known about the attribution of one generated sequence. The counterpart of Inseq's
/// FeatureAttributionSequenceOutput, with the same fields.
struct SequenceAttribution {
  AttributionKind kind = AttributionKind::kPlain;
  std::vector<Token> source;  ///< source tokens; for decoder-only models, the prompt
  std::vector<Token> target;  ///< all target tokens; for decoder-only models, prompt and generation
  Tensor source_attributions;  ///< [source, steps, ...] float32, or undefined
  Tensor
      target_attributions;  ///< [target, steps, ...] float32, NaN where a token is not yet visible
  std::map<std::string, Tensor> step_scores;      ///< name -> [steps]
  std::map<std::string, Tensor> sequence_scores;  ///< name -> [tokens, tokens or steps, ...]
  int64_t attr_pos_start = 0;                     ///< first attributed target position
  int64_t attr_pos_end = 0;                       ///< one past the last attributed target position
  /// Aggregation functions or aggregators applied in order by default; empty: already aggregated.
  std::vector<std::string> aggregator;
  int64_t num_dimensions = 0;  ///< trailing axes of a kMultiDimensional attribution
};

/// The attribution of one generation step over a batch: Inseq's FeatureAttributionStepOutput.
struct StepAttribution {
  AttributionKind kind = AttributionKind::kPlain;
  std::vector<std::vector<Token>> source, prefix, target;  ///< one list per sequence
  Tensor source_attributions;                              ///< [batch, source, ...] or undefined
  Tensor target_attributions;                              ///< [batch, prefix, ...] or undefined
  std::map<std::string, Tensor> step_scores;               ///< name -> [batch]
  std::map<std::string, Tensor> sequence_scores;
  int64_t num_dimensions = 0;
};

/// What an attribution returns: one entry per sequence, and how it was made.
struct AttributionOutput {
  std::vector<SequenceAttribution> sequences;
  std::optional<std::vector<StepAttribution>> steps;  ///< only when asked for
  Json info = Json::object();                         ///< the keys of Inseq's `info`
};

}  // namespace inseq
