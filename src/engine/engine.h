#pragma once
#include "engine/question.h"

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

/// Answers the questions that attribution methods ask, for all steps of a text at once; the only
/// place that plans blocks and memory. A method never loops over steps, never batches, never
/// touches a device.
class Engine {
 public:
  Engine(const models::LanguageModel& model, Settings settings);

  /// Embeddings that a method builds its points and perturbations from.
  Inputs inputs(const Question& question) const;

  /// Question 1: gradients of every step's score with respect to the input embeddings, summed over
  /// the points of a path. Attributions are [tokens, steps, hidden]; with Detail::kPerToken their
  /// Euclidean norm over hidden units.
  Answer gradients(const Question& question, const Path& path) const;

  /// The same for paths that move one token at a time.
  Answer gradients_by_token(const Question& question, const TokenPath& path) const;

  /// Question 2: the attributed function of every step when some embeddings are replaced:
  /// [perturbations, steps] float32 or wider, on the CPU.
  Tensor perturbed(const Question& question, const std::vector<Perturbation>& perturbations) const;

  /// Question 2 for steps that each read texts of their own: `score` of the step at each text's
  /// position. [texts] float32 or wider, on the CPU.
  Tensor replaced(const Question& question, const std::vector<ReplacedText>& texts,
                  const step_functions::BoundFunction& score) const;

  /// Question 3: attention weights. Attributions are [tokens, steps, layers, heads]; with
  /// Detail::kPerToken their mean over heads and layers. All rows come from one forward pass over
  /// the whole text, as in Inseq, which only matters for rotary frequencies that depend on its
  /// length.
  Answer attention(const Question& question) const;

  /// Question 3 with an intervention: how far the value vectors of each token move the outputs of
  /// each layer. One clean forward pass over the whole text, as in attention().
  MixingDistances zeroed_values(const Question& question, const Zeroing& zeroing) const;

  /// Step scores alone; no attributions.
  Answer scores(const Question& question) const;

  const models::LanguageModel& model() const { return model_; }

  /// This engine for the part `index` of `count` that a method asks about one after the other;
  /// `unit` is what they are called in the progress.
  Engine part(int64_t index, int64_t count, const std::string& unit) const;

 private:
  using Pass = models::LanguageModel::Pass;
  struct Group;
  struct Plan;
  struct TokenBatch;
  struct ForwardPlan;
  struct Entry;
  std::vector<Group> groups(const Question& question) const;
  Plan plan(const Question& question, const Group& group, const Path& path) const;
  int64_t memory_limit() const;
  /// Throws InvalidArgument when `what`, of one text, needs more bytes than the limit.
  void check_memory(const std::string& what, const Question& question, int64_t needed) const;
  /// The model's logits; throws FormatError where they are not numbers.
  Tensor logits_of(const Tensor& final_hidden) const;
  void check(const Question& question) const;
  void explain_group(const Question& question, const Group& group, const Path& path,
                     Answer& answer) const;
  std::unique_ptr<Pass> pass_at(const Question& question, const Group& group, const Inputs& base,
                                const Inputs& given, const Path& path,
                                const Sides& embeddings) const;
  Sides pullback_of_block(const Question& question, int64_t first, int64_t last, const Pass& pass,
                          bool target_too, Answer* scores) const;
  Sides autograd_of_block(const Question& question, const Group& group, const Inputs& base,
                          int64_t position, const Sides& embeddings, Answer* scores) const;
  TokenBatch token_batch(const Question& question, const Group& group, const TokenPath& path,
                         bool source, int64_t first) const;
  void explain_tokens(const Question& question, const Group& group, const Inputs& base,
                      const TokenPath& path, const Pass& prefix, const TokenBatch& batch,
                      Answer& answer) const;
  void add_entries(const Question& question, const Group& group, const Inputs& base,
                   const Pass& prefix, const TokenBatch& batch, const std::vector<Entry>& entries,
                   int64_t first, const Tensor& sums) const;
  ForwardPlan forward_plan(const Question& question, int64_t tokens, int64_t kept) const;
  Tensor perturbed_group(const Question& question, const Group& group, const Sides& embeddings,
                         const std::vector<Perturbation>& perturbations) const;
  Inputs layer_outputs(const Question& question, const Group& group, const Inputs& base) const;
  void report_done(int64_t done, const Question& question) const;

  const models::LanguageModel& model_;
  Settings settings_;
};

}  // namespace inseq::engine
