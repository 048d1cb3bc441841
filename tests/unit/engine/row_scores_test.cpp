#include "engine/row_scores.h"

#include <gtest/gtest.h>

namespace inseq::engine {
namespace {

/// Rows come in pieces of any size and leave in blocks; every score lands at its place.
TEST(RowScores, PlacesEveryRowWhateverTheBlocks) {
  for (const int64_t rows_at_once : {1, 3, 4, 100}) {
    std::vector<int64_t> blocks;
    RowScores scores(
        [&](const Tensor& hidden, const Tensor& targets) {
          blocks.push_back(hidden.size(0));
          return hidden.select(1, 0) + 100 * targets;
        },
        rows_at_once);
    Tensor expected = at::full({4, 5}, -1.0);
    int64_t next = 0;
    for (const int64_t rows : {2, 1, 7, 0, 4}) {
      const Tensor hidden = at::rand({rows, 3});
      const Tensor targets = at::arange(next, next + rows), places = (targets * 3) % 20;
      scores.add(hidden, targets, places);
      for (int64_t i = 0; i < rows; ++i)
        expected.view(-1)[places[i].item<int64_t>()] = hidden[i][0] + 100.0 * (next + i);
      next += rows;
    }
    EXPECT_TRUE(at::equal(scores.placed_in(at::full({4, 5}, -1.0)), expected)) << rows_at_once;
    int64_t total = 0;
    for (size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_TRUE(blocks[i] == rows_at_once || i + 1 == blocks.size());
      total += blocks[i];
    }
    EXPECT_EQ(total, 14);
  }
}

TEST(RowScores, LeavesWhatIsEmptyAsItIs) {
  RowScores scores([](const Tensor& hidden, const Tensor&) { return hidden; }, 4);
  EXPECT_TRUE(at::equal(scores.placed_in(at::ones({2, 2})), at::ones({2, 2})));
}

}  // namespace
}  // namespace inseq::engine
