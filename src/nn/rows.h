#pragma once
#include <cstdint>
#include <vector>

#include "nn/tensor.h"

namespace inseq::nn {

/// Which tokens the rows of a block of gradients belong to. A step only has gradients at the tokens
/// it can see, so a block holds a segment of rows for each step and batch entry, one after the
/// other and without padding; what a forward pass saved ([batch, tokens, ...]) is shared by all
/// steps and looked up by `index`.
struct Rows {
  /// The rows of one step and batch entry: its tokens first, first + 1, ….
  struct Segment {
    int64_t begin = 0;  // first row
    int64_t size = 0;   // tokens
    int64_t batch = 0;  // batch entry
    int64_t first = 0;  // token of the first row
  };
  std::vector<Segment> segments;  // steps, and within a step the batch entries
  Tensor index;                   // [rows] int64 on the CPU: batch entry * tokens + token

  int64_t count() const { return index.size(0); }
  /// The last row of each segment: [segments] int64 on the CPU.
  Tensor last() const;

  /// Tokens up to and including each step's position. `tokens` is the length of what was saved.
  static Rows prefixes(const std::vector<int64_t>& positions, int64_t batch, int64_t tokens);
  /// All tokens in every step: the rows of an encoder.
  static Rows whole(int64_t steps, int64_t batch, int64_t tokens);
  /// Each step's own position alone: segments of one row.
  static Rows own(const std::vector<int64_t>& positions, int64_t batch, int64_t tokens);

  /// The rows of `saved` ([batch, tokens, units]) that belong to these: [rows, units].
  Tensor of(const Tensor& saved) const;
  /// [rows, units] -> [segments, longest segment, units], zero where a segment has no row.
  Tensor padded(const Tensor& rows) const;
  /// The inverse: [segments, longest segment, units] -> [rows, units].
  Tensor packed(const Tensor& padded) const;

 private:
  int64_t longest() const;
  Tensor padded_index(const Tensor& like) const;  // [rows] on the device of `like`
};

}  // namespace inseq::nn
