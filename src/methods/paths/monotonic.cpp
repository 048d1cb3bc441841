#include "methods/paths/monotonic.h"

#include <algorithm>

namespace inseq::methods {
namespace {

/// Units in which `anchor` is between `from` and `to`. All [..., hidden], broadcast.
Tensor monotonic_units(const Tensor& anchor, const Tensor& to, const Tensor& from) {
  return (anchor.ge(from).logical_and(anchor.le(to)).logical_and(from.lt(to)))
      .logical_or(anchor.le(from).logical_and(anchor.ge(to)).logical_and(from.gt(to)))
      .logical_or(anchor.eq(from).logical_and(anchor.eq(to)));
}

/// `anchor` with its other units a small way from `from` to `to`.
Tensor made_monotonic(const Tensor& anchor, const Tensor& to, const Tensor& from, int64_t points) {
  const double share = 1.0 / static_cast<double>(points);
  return at::where(monotonic_units(anchor, to, from), anchor, from - share * (from - to));
}

/// One path in the making.
struct Walk {
  int64_t baseline = 0;
  bool fixed = false;
  std::vector<int64_t> words;  // the token first
  bool moves() const { return !fixed && words.back() != baseline; }
};

/// Which of the candidates ([walks, neighbours] int64) each walk must not take.
Tensor taken(const std::vector<Walk*>& walks, const Tensor& candidates) {
  const Tensor out = at::zeros(candidates.sizes(), at::kBool);
  for (size_t i = 0; i < walks.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    const Tensor mine = candidates[row].contiguous();
    for (int64_t j = 0; j < mine.size(0); ++j) {
      const int64_t word = mine.data_ptr<int64_t>()[j];
      const auto& words = walks[i]->words;
      if (word == walks[i]->baseline || std::find(words.begin(), words.end(), word) != words.end())
        out[row][j] = true;
    }
  }
  return out;
}

/// The next words of some walks.
void step(Neighbours& neighbours, const std::vector<Walk*>& walks, const MonotonicRule& rule) {
  std::vector<int64_t> last, ends;
  for (const Walk* walk : walks) {
    last.push_back(walk->words.back());
    ends.push_back(walk->baseline);
  }
  const Tensor& table = neighbours.table();
  const auto rows = [&](const Tensor& ids) {
    return table.index_select(0, ids.flatten().to(table.device())).unflatten(0, ids.sizes());
  };
  const Tensor from_ids = at::tensor(last, at::kLong);
  const Tensor candidates = neighbours.of(from_ids);  // [walks, neighbours]
  const Tensor anchors = rows(candidates);            // [walks, neighbours, hidden]
  const Tensor from = rows(from_ids).unsqueeze(1),
               to = rows(at::tensor(ends, at::kLong)).unsqueeze(1);
  Tensor cost =
      rule.strategy == "greedy"
          ? at::linalg_vector_norm(anchors - made_monotonic(anchors, to, from, rule.points), 2, -1)
          : monotonic_units(anchors, to, from).sum(-1).neg().to(anchors.scalar_type());
  cost = cost.cpu().masked_fill(taken(walks, candidates), std::numeric_limits<float>::infinity());
  // argmin may return any of equal costs; the nearest comes first.
  const Tensor order = std::get<1>(cost.sort(/*stable=*/true, -1, /*descending=*/false));
  for (size_t i = 0; i < walks.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    const int64_t best = order[row][0].item<int64_t>();
    const bool none = std::isinf(cost[row][best].item<double>());
    walks[i]->words.push_back(none ? walks[i]->baseline : candidates[row][best].item<int64_t>());
  }
}

std::vector<Walk> walks_of(Neighbours& neighbours, const Tensor& ids, const Tensor& baselines,
                           const MonotonicRule& rule) {
  constexpr size_t kAtOnce = 64;
  std::vector<Walk> walks;
  for (int64_t i = 0; i < ids.size(0); ++i) {
    const auto id = ids[i].item<int64_t>();
    const bool fixed = std::find(rule.fixed.begin(), rule.fixed.end(), id) != rule.fixed.end();
    walks.push_back({baselines[i].item<int64_t>(), fixed, {id}});
  }
  for (int64_t k = 1; k < rule.points - 1; ++k) {
    std::vector<Walk*> moving;
    for (Walk& walk : walks) {
      if (walk.moves()) {
        moving.push_back(&walk);
      } else {
        walk.words.push_back(walk.words.back());
      }
    }
    for (size_t i = 0; i < moving.size(); i += kAtOnce) {
      const auto first = moving.begin() + static_cast<std::ptrdiff_t>(i);
      step(neighbours,
           {first, first + static_cast<std::ptrdiff_t>(std::min(kAtOnce, moving.size() - i))},
           rule);
    }
  }
  return walks;
}

}  // namespace

Tensor monotonic_paths(Neighbours& neighbours, const Tensor& ids, const Tensor& baselines,
                       const MonotonicRule& rule) {
  // Tokens that occur several times have one path.
  const Tensor pairs = at::stack({ids, baselines}, 1);
  const auto [unique, inverse, counts] =
      at::unique_dim(pairs, 0, /*sorted=*/true, /*return_inverse=*/true);
  const Tensor words = unique.select(1, 0).contiguous(), ends = unique.select(1, 1).contiguous();
  const std::vector<Walk> walks = walks_of(neighbours, words, ends, rule);
  const Tensor& table = neighbours.table();
  const auto rows = [&](const Tensor& wanted) {
    return table.index_select(0, wanted.to(table.device()));
  };
  const Tensor to = rows(ends);
  std::vector<Tensor> points = {rows(words)};  // [unique, hidden] each
  for (int64_t k = 1; k < rule.points - 1; ++k) {
    std::vector<int64_t> anchors;
    for (const Walk& walk : walks) anchors.push_back(walk.words[static_cast<size_t>(k)]);
    points.push_back(
        made_monotonic(rows(at::tensor(anchors, at::kLong)), to, points.back(), rule.points));
  }
  points.push_back(to);
  std::reverse(points.begin(), points.end());
  return at::stack(points).index_select(1, inverse.to(table.device()));
}

}  // namespace inseq::methods
