#pragma once
#include <cstdint>
#include <vector>

#include "generation/generation.h"

namespace inseq::generation {

/// A way to continue one of the running beams of a text.
struct Candidate {
  float score = 0;   ///< summed log probability
  int64_t beam = 0;  ///< the beam it continues
  int64_t token = 0;
};

/// The beams of one text, by the rules of transformers 5.23 (arithmetic in float32 as there). A
/// beam is finished when EOS or the greatest length made it a whole text; finished beams compete by
/// score / length ^ length_penalty, running ones by score. Lengths count new tokens.
class Beams {
 public:
  struct Beam {
    std::vector<int64_t> ids{};  // new tokens
    float score = 0;
    bool finished = false;
  };

  /// The options are kept by reference.
  Beams(const Options& options, int64_t most_new_tokens);

  /// Takes the best continuations, likeliest first: as many as candidates_needed(). Returns which
  /// running beam each new one continues.
  std::vector<int64_t> advance(const std::vector<Candidate>& candidates);

  /// Whether no later step can change the outcome.
  bool is_done() const { return done_; }
  const std::vector<Beam>& running() const { return running_; }
  /// Best first, with normalised scores; num_beams of them.
  const std::vector<Beam>& finished() const { return finished_; }

  static int64_t candidates_needed(const Options& options);

 private:
  void keep_running(const std::vector<Beam>& continued, const std::vector<bool>& ends);
  void keep_finished(std::vector<Beam> continued, const std::vector<bool>& ends);
  bool may_improve() const;
  bool all_finished() const;
  float normalised(float score, int64_t length) const;

  const Options& options_;
  int64_t most_new_tokens_;
  int64_t length_ = 0;
  std::vector<Beam> running_, finished_;
  std::vector<int64_t> parents_;  // of the running beams
  bool improvable_ = true, done_ = false;
};

}  // namespace inseq::generation
