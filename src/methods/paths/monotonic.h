#pragma once
#include <string>
#include <vector>

#include "methods/paths/neighbours.h"

namespace inseq::methods {

/// How paths from tokens to baselines are made of other tokens (Sanyal and Ren 2021).
struct MonotonicRule {
  int64_t points = 50;  ///< with the token and the baseline, at least 2
  /// How the next word is chosen among the neighbours of the last: "greedy", the one that changes
  /// least when made monotonic; "maxcount", the one with most monotonic units.
  std::string strategy = "greedy";
  std::vector<int64_t> fixed = {};  ///< tokens that stay until the last point: special ones
};

/// Points of paths in which every unit moves from the token's to the baseline's without turning
/// back. ids, baselines: [tokens] int64. Returns [points, tokens, hidden], the baselines first.
Tensor monotonic_paths(Neighbours& neighbours, const Tensor& ids, const Tensor& baselines,
                       const MonotonicRule& rule);

}  // namespace inseq::methods
