#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "inseq/progress.h"
#include "models/stack/language_model.h"
#include "step_functions/registry/step_function.h"

namespace inseq::engine {

using Tensor = at::Tensor;
using models::Sides;

/// What is kept of an attribution.
enum class Detail {
  kGranular,  ///< every unit of the attributed layer, every layer and head
  kPerToken,  ///< one number per token and step, reduced as soon as it exists; reduced axes stay
              ///< with size 1
};

/// Ids that a tokenizer gives a meaning of its own.
struct SpecialIds {
  int64_t unk = -1, pad = -1;  ///< -1: none
  int64_t vocab = 0;           ///< of the tokenizer; the model's may be larger
  std::vector<int64_t> all = {};
};

/// One text with the steps to explain, and what is asked about them. The step at position p
/// explains target token p from the source and the target tokens before it.
struct Question {
  Sides ids;          // source [source tokens], undefined for decoder-only models; target [tokens]
  int64_t first = 1;  // first explained position, at least 1
  int64_t last = 1;   // one past the last explained position, at most tokens
  Sides baseline_ids =
      {};  // what stands for "no information", shapes of ids; for methods that use it
  SpecialIds special = {};
  /// What a reader sees for a token of the source, or of the target; for methods that need words.
  std::function<std::string(int64_t id, bool source)> text_of = {};
  std::optional<models::Tap> layer = {};  // gradients are taken at its output, not at embeddings
  bool attribute_target = false;          // of a model with an encoder; without one, always
  step_functions::BoundFunction attributed_function;
  std::map<std::string, step_functions::BoundFunction> step_scores = {};  // computed alongside
  Detail detail = Detail::kGranular;

  int64_t steps() const { return last - first; }
  bool attributes_target() const { return attribute_target || !ids.source.defined(); }
};

/// Attributions and scores of all steps of one text. Tensors are float32 on the CPU.
struct Answer {
  Tensor source;  // [source tokens, steps, ...], or undefined
  /// [tokens before last, steps, ...], NaN where a token is not before the step's position; or
  /// undefined.
  Tensor target;
  /// Sum over tokens and units of what a path gives each step, before any reduction: [steps]
  /// float64. Of gradients only.
  Tensor totals;
  std::map<std::string, Tensor> step_scores;      // name -> [steps]
  std::map<std::string, Tensor> sequence_scores;  // name -> [tokens, tokens or steps, ...]
};

/// The input embeddings of a text and of its baseline: [tokens, hidden] on each side, for target
/// tokens before the last explained one.
struct Inputs {
  Sides embeddings;
  Sides baselines;  // undefined without baseline ids
};

/// Embeddings at which gradients are taken, and what they are multiplied by before they are summed.
struct PathPoint {
  Sides embeddings;  // [tokens, hidden] a side
  Sides factors;     // something that broadcasts to the same shape
};

/// How gradients pass through non-linearities.
enum class Rule {
  kGradient,
  kRescaleAsCaptum,  ///< DeepLIFT's rescale rule at the modules that Captum knows
  kRescaleAll,       ///< the same at all activations, gates, norms and attention weights
};

/// One token of one side.
struct TokenAt {
  bool source = false;
  int64_t position = 0;
};

/// Where gradients are taken: attribution = sum over the points of factor * gradient.
struct Path {
  int64_t points = 1;
  int64_t points_at_once = 0;  // at most; 0: as many as memory allows
  /// The point of that index; null: the inputs themselves, factor 1.
  std::function<PathPoint(const Inputs& inputs, int64_t index)> point = nullptr;
  bool absolute = false;  // absolute values of the sum
  /// Points are not summed up: attributions are [tokens, steps, points, hidden], totals [steps,
  /// points].
  bool apart = false;
  Rule rule = Rule::kGradient;
};

/// A point of a path that moves one token: what stands for the token, and the factor of its
/// gradient; something that broadcasts to [hidden].
struct TokenPoint {
  Tensor embedding;  // [hidden]
  Tensor factor;
};

/// For each token a path of its own, on which the others are as in the text; each token is given
/// the sum over its own path of factor * gradient.
struct TokenPath {
  int64_t points = 1;          // for each token
  int64_t points_at_once = 0;  // at most; 0: as many as memory allows
  std::function<TokenPoint(const Inputs& inputs, TokenAt token, int64_t index)> point;
};

/// Value vectors that are zeroed, and how their effect is measured.
struct Zeroing {
  /// Value heads to zero in a layer, of `count`: indices, int64.
  std::function<Tensor(models::Mixing where, int64_t layer, int64_t count)> heads;
  /// Between clean [rows, hidden] and changed [tokens, rows, hidden] states: [tokens, rows].
  std::function<Tensor(const Tensor& clean, const Tensor& changed)> distance;
};

/// Distances by which zeroed values move the outputs of layers; 0 where nothing was zeroed. float32
/// on the CPU.
struct MixingDistances {
  Tensor decoder;  // [layers, steps, tokens before last], NaN where a step does not see the token
  Tensor cross;    // [layers, steps, source tokens]; undefined without an encoder
  Tensor encoder;  // [encoder layers, source tokens, source tokens]: rows, then zeroed tokens
};

/// Embeddings of single tokens that differ from the inputs'.
struct Edit {
  bool source = false;  // of the source; else of the target
  int64_t position = 0;
  Tensor embedding;  // [hidden]
};
using Perturbation = std::vector<Edit>;

/// What the step at one position reads in place of its text.
struct ReplacedText {
  int64_t position = 1;
  Sides ids;  // source, where there is one; target [position]
};

}  // namespace inseq::engine
