#include "generation/beams.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace inseq::generation {
namespace {

/// What transformers adds to a score that shall not be chosen.
constexpr float kOut = -1.0e9f;

/// Places of the `count` greatest scores, greatest first.
std::vector<size_t> best_of(const std::vector<float>& scores, size_t count) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  order.resize(std::min(count, order.size()));
  return order;
}

}  // namespace

Beams::Beams(const Options& options, int64_t most_new_tokens)
    : options_(options), most_new_tokens_(most_new_tokens) {
  const auto beams = static_cast<size_t>(options.num_beams);
  running_.resize(beams);
  finished_.resize(beams);
  // All beams begin as the same text: only the first may be continued.
  for (size_t i = 1; i < beams; ++i) running_[i].score = kOut;
  for (Beam& beam : finished_) beam.score = kOut;
}

int64_t Beams::candidates_needed(const Options& options) {
  // So many that beams stay to go on with when all others end.
  const auto eos = static_cast<int64_t>(options.eos_token_ids.size());
  return std::max<int64_t>(2, 1 + eos) * options.num_beams;
}

float Beams::normalised(float score, int64_t length) const {
  const double divisor = std::pow(static_cast<double>(length), options_.length_penalty);
  return score / static_cast<float>(divisor);
}

bool Beams::all_finished() const {
  return std::all_of(finished_.begin(), finished_.end(), [](const Beam& b) { return b.finished; });
}

std::vector<int64_t> Beams::advance(const std::vector<Candidate>& candidates) {
  ++length_;
  std::vector<Beam> continued;
  std::vector<bool> ends;
  parents_.clear();
  for (const Candidate& candidate : candidates) {
    Beam beam{.ids = running_[static_cast<size_t>(candidate.beam)].ids, .score = candidate.score};
    beam.ids.push_back(candidate.token);
    continued.push_back(std::move(beam));
    const auto& eos = options_.eos_token_ids;
    ends.push_back(length_ >= most_new_tokens_ ||
                   std::find(eos.begin(), eos.end(), candidate.token) != eos.end());
    parents_.push_back(candidate.beam);
  }
  keep_running(continued, ends);
  keep_finished(std::move(continued), ends);
  improvable_ = improvable_ && may_improve();
  done_ = !improvable_ || (options_.early_stopping == EarlyStopping::kYes && all_finished()) ||
          std::all_of(ends.begin(), ends.end(), [](bool end) { return end; });
  return parents_;
}

void Beams::keep_running(const std::vector<Beam>& continued, const std::vector<bool>& ends) {
  std::vector<float> scores;
  for (size_t i = 0; i < continued.size(); ++i) {
    scores.push_back(continued[i].score + (ends[i] ? kOut : 0.0f));
  }
  std::vector<Beam> running;
  std::vector<int64_t> parents;
  for (const size_t i : best_of(scores, running_.size())) {
    running.push_back({.ids = continued[i].ids, .score = scores[i]});
    parents.push_back(parents_[i]);
  }
  running_ = std::move(running);
  parents_ = std::move(parents);
}

void Beams::keep_finished(std::vector<Beam> continued, const std::vector<bool>& ends) {
  const bool full = options_.early_stopping == EarlyStopping::kYes && all_finished();
  std::vector<Beam> merged = finished_;
  for (size_t i = 0; i < continued.size(); ++i) {
    Beam beam = std::move(continued[i]);
    // An end counts only among the likeliest candidates.
    beam.finished = ends[i] && i < finished_.size();
    beam.score = normalised(beam.score, length_);
    if (full) beam.score += kOut;
    if (!improvable_) beam.score += kOut;
    if (!beam.finished) beam.score += kOut;
    merged.push_back(std::move(beam));
  }
  std::vector<float> scores;
  for (const Beam& beam : merged) scores.push_back(beam.score);
  std::vector<Beam> kept;
  for (const size_t i : best_of(scores, finished_.size())) kept.push_back(merged[i]);
  finished_ = std::move(kept);
}

bool Beams::may_improve() const {
  const bool longest =
      options_.early_stopping == EarlyStopping::kNever && options_.length_penalty > 0.0;
  const float best = normalised(running_[0].score, longest ? most_new_tokens_ : length_);
  float least = finished_[0].score;
  for (const Beam& beam : finished_) least = std::min(least, beam.score);
  return std::any_of(finished_.begin(), finished_.end(),
                     [&](const Beam& beam) { return best > (beam.finished ? least : kOut); });
}

}  // namespace inseq::generation
