#pragma once
#include "nn/tensor.h"

namespace inseq::nn {

/// Scores added to attention by the distance from query to key (Raffel et al. 2020): distances are
/// gathered in buckets, near ones each in its own, far ones in logarithmically wider ones, and
/// every bucket has a learned score per head.
class RelativeBias {
 public:
  struct Options {
    bool both_directions = false;  ///< keys after the query have buckets of their own
    int64_t max_distance = 128;    ///< tokens; all farther keys share a bucket
  };
  /// table: [buckets, heads].
  RelativeBias(Tensor table, Options options) : table_(std::move(table)), options_(options) {}

  /// The scores of the distances key - query in [lowest, highest]: [heads, highest - lowest + 1],
  /// float32 or wider.
  Tensor of_distances(int64_t lowest, int64_t highest) const;

  /// Scores by distance as scores of queries and keys, where the last query stands at the lowest
  /// distance from the first key: [heads, queries + keys - 1] -> [heads, queries, keys].
  static Tensor spread(const Tensor& of_distances, int64_t keys);

 private:
  Tensor table_;
  Options options_;
};

}  // namespace inseq::nn
