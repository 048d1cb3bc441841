#pragma once
#include <functional>

#include "engine/question.h"
#include "models/stack/decoder_only.h"

namespace inseq::engine {

/// How gradients are computed.
enum class Backend {
  kPullback,  ///< one forward pass, blocked pullbacks
  kAutograd,  ///< LibTorch's autograd through the forward code, a step at a time: the slow
              ///< reference
};

/// How the engine may work.
struct Settings {
  Backend backend = Backend::kPullback;
  int64_t memory_limit =
      0;  ///< bytes of working memory beyond the model and the result; 0: half of what is free
  ProgressCallback progress = nullptr;
  std::string task = "Attributing";  ///< for progress
};

/// Gradients of a block of steps.
struct GradientBlock {
  Tensor gradient;  // [steps, tokens, hidden], float32 or wider
  Tensor inputs;    // [tokens, hidden], the embeddings
};

/// Answers the questions that attribution methods ask, for all steps of a text at once; the only
/// place that plans blocks and memory. See DESIGN: a method never loops over steps, never batches,
/// never touches a device.
class Engine {
 public:
  Engine(const models::DecoderOnly& model, Settings settings);

  /// Question 1: the gradient of every step's score with respect to the input embeddings.
  /// `shape_block` turns a block into attributions [steps, tokens, ...]; with Detail::kPerToken the
  /// last axis is then reduced by its Euclidean norm (axes keep size 1).
  using ShapeBlock = std::function<Tensor(const GradientBlock&)>;
  Answer gradients(const Question& question, const ShapeBlock& shape_block) const;

  /// Question 3: attention weights. Attributions are [rows, steps, layers, heads]; with
  /// Detail::kPerToken their mean over heads and layers. All rows come from one forward pass over
  /// the whole text, as in Inseq, which only matters for rotary frequencies that depend on its
  /// length.
  Answer attention(const Question& question) const;

  /// Step scores alone; no attributions.
  Answer scores(const Question& question) const;

 private:
  struct Group;
  std::vector<Group> groups(const Question& question) const;
  int64_t steps_per_block(const Question& question, const Group& group) const;
  void explain_block(const Question& question, const Group& group, int64_t first, int64_t last,
                     const ShapeBlock& shape_block, Answer& answer) const;
  Tensor gradient_of_block(const Question& question, const Group& group, int64_t first,
                           int64_t last, Answer& answer) const;
  Tensor autograd_of_block(const Question& question, const Group& group, int64_t first,
                           int64_t last, Answer& answer) const;
  void check(const Question& question) const;
  void report_steps(const Question& question, int64_t done) const;

  const models::DecoderOnly& model_;
  Settings settings_;
};

}  // namespace inseq::engine
