#pragma once
#include <optional>

#include "nn/tensor.h"

namespace inseq::nn {

/// Vectors that are added to embeddings by position.
class Positions {
 public:
  virtual ~Positions() = default;
  /// positions: [tokens] or [batch, tokens] int64 -> the same with an axis of hidden units.
  virtual Tensor at(const Tensor& positions) const = 0;
  /// Positions that there are; absent when every position has a vector.
  virtual std::optional<int64_t> limit() const = 0;
};

/// A table of vectors, learned or made: row `offset` belongs to position 0.
class TablePositions : public Positions {
 public:
  TablePositions(const Tensor& table, int64_t offset = 0)
      : table_(table.narrow(0, offset, table.size(0) - offset)) {}
  Tensor at(const Tensor& positions) const override;
  std::optional<int64_t> limit() const override { return table_.size(0); }

 private:
  Tensor table_;  // [positions, hidden]
};

/// Sinusoids of a position p (Vaswani et al. 2017) in the layout of tensor2tensor: with w the half
/// of the units, sin(p f_i) for i < w, then cos(p f_i), f_i = 10000^(-i / (w - 1)); a last odd unit
/// is zero. Any length.
class SinusoidalPositions : public Positions {
 public:
  /// Position 0 is computed as `first`.
  SinusoidalPositions(int64_t hidden, int64_t first, at::TensorOptions options)
      : hidden_(hidden), first_(first), options_(options) {}
  Tensor at(const Tensor& positions) const override;
  std::optional<int64_t> limit() const override { return std::nullopt; }

 private:
  int64_t hidden_, first_;
  at::TensorOptions options_;
};

/// Sinusoids in Marian's layout: sin(p f_i) then cos(p f_i) with f_i = 10000^(-2i / hidden), the
/// sines being one more when hidden is odd. [count, hidden], float32.
Tensor marian_sinusoids(int64_t count, int64_t hidden);

}  // namespace inseq::nn
