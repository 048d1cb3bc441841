#include "engine/row_scores.h"

namespace inseq::engine {

void RowScores::add(const Tensor& hidden, const Tensor& targets, const Tensor& places) {
  hidden_.push_back(hidden);
  targets_.push_back(targets);
  places_.push_back(places);
  waiting_ += hidden.size(0);
  if (waiting_ >= rows_at_once_) score(waiting_ - waiting_ % rows_at_once_);
}

/// Scores the first `rows` that wait, a multiple of rows_at_once_ or all.
void RowScores::score(int64_t rows) {
  if (waiting_ == 0) return;
  const Tensor hidden = at::cat(hidden_), targets = at::cat(targets_);
  for (int64_t first = 0; first < rows; first += rows_at_once_) {
    const int64_t count = std::min(rows_at_once_, rows - first);
    scores_.push_back(function_(hidden.narrow(0, first, count),
                                targets.narrow(0, first, count).to(hidden.device()))
                          .cpu());
  }
  waiting_ -= rows;
  hidden_ = {hidden.narrow(0, rows, waiting_).clone()};
  targets_ = {targets.narrow(0, rows, waiting_)};
}

Tensor RowScores::placed_in(const Tensor& out) {
  score(waiting_);
  if (scores_.empty()) return out;
  const Tensor scores = at::cat(scores_);
  return out.to(scores.scalar_type())
      .flatten()
      .index_copy(0, at::cat(places_), scores)
      .view(out.sizes());
}

}  // namespace inseq::engine
