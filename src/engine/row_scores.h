#pragma once
#include <functional>
#include <vector>

#include "nn/tensor.h"

namespace inseq::engine {

/// Scores rows of hidden states, many at a time whoever they come from: reading the head's weights
/// takes as long for one row as for dozens.
class RowScores {
 public:
  /// hidden: [rows, hidden], targets: [rows] -> [rows].
  using Function = std::function<Tensor(const Tensor& hidden, const Tensor& targets)>;
  RowScores(Function function, int64_t rows_at_once)
      : function_(std::move(function)), rows_at_once_(rows_at_once) {}

  /// hidden: [rows, hidden]; targets, places: [rows] int64 on the CPU.
  void add(const Tensor& hidden, const Tensor& targets, const Tensor& places);
  /// `out` ([...] on the CPU) with the scores of all rows at their places, counted along its
  /// elements.
  Tensor placed_in(const Tensor& out);

 private:
  void score(int64_t rows);
  Function function_;
  int64_t rows_at_once_;
  int64_t waiting_ = 0;  // rows
  std::vector<Tensor> hidden_, targets_, places_, scores_;
};

}  // namespace inseq::engine
