#pragma once
#include <ATen/core/Tensor.h>

#include <unordered_map>

namespace inseq::methods {

using Tensor = at::Tensor;

/// The nearest other rows of a table's rows by Euclidean distance, searched when first asked for.
class Neighbours {
 public:
  /// table: [rows, hidden] float32 or wider; count: neighbours of a row, fewer than there are rows.
  Neighbours(Tensor table, int64_t count);

  /// rows: [n] int64 -> [n, count] int64, nearest first.
  Tensor of(const Tensor& rows);

  const Tensor& table() const { return table_; }

 private:
  Tensor search(const Tensor& rows) const;
  Tensor table_, squares_;  // squares_: [rows], squared lengths
  int64_t count_;
  std::unordered_map<int64_t, Tensor> known_;  // row -> [count]
};

}  // namespace inseq::methods
