// Discretized integrated gradients and value zeroing.
#include <gtest/gtest.h>

#include "methods/paths/monotonic.h"
#include "support/pullback.h"
#include "support/tiny_folder.h"

namespace inseq::test {
namespace {

/// Neighbours as sorting all distances finds them.
TEST(Neighbours, AreTheNearest) {
  const Tensor table = randn64({60, 5});
  methods::Neighbours neighbours(table, 7);
  const Tensor rows = at::tensor({3, 59, 3, 0}, at::kLong);
  const Tensor found = neighbours.of(rows);
  for (int64_t i = 0; i < rows.size(0); ++i) {
    Tensor distances = (table - table[rows[i].item<int64_t>()]).norm(2, {-1});
    distances[rows[i].item<int64_t>()] = INFINITY;
    EXPECT_TRUE(found[i].equal(std::get<1>(distances.sort()).narrow(0, 0, 7)));
  }
}

TEST(MonotonicPaths, NeverTurnBack) {
  const Tensor table = randn64({50, 6});
  const Tensor ids = at::tensor({4, 9, 4, 30, 2}, at::kLong),
               baselines = at::tensor({1, 1, 1, 30, 0}, at::kLong);
  for (const char* strategy : {"greedy", "maxcount"}) {
    for (const int64_t points : {2, 3, 12}) {
      methods::Neighbours neighbours(table, 10);
      const Tensor path = methods::monotonic_paths(
          neighbours, ids, baselines, {.points = points, .strategy = strategy, .fixed = {9}});
      ASSERT_EQ(path.sizes(), at::IntArrayRef({points, 5, 6}));
      const Tensor from = table.index_select(0, baselines), to = table.index_select(0, ids);
      EXPECT_TRUE(path[0].equal(from));
      EXPECT_TRUE(path[points - 1].equal(to));
      for (int64_t k = 1; k < points; ++k) {
        const Tensor way = (path[k] - path[k - 1]) * (to - from).sign();
        EXPECT_GE(way.min().item<double>(), -1e-12) << strategy << " point " << k;
        EXPECT_TRUE(path[k][1].equal(to[1])) << "a special token moves";
      }
      EXPECT_TRUE(path.select(1, 0).equal(path.select(1, 2)));
    }
  }
}

class OnPaths : public testing::TestWithParam<std::string> {
 protected:
  SequenceAttribution explain(const std::string& method, const Json& arguments,
                              int64_t memory_limit = 0) const {
    AttributeOptions options;
    options.method = method;
    options.attribution_args = arguments;
    options.memory_limit = memory_limit;
    return model_.attribute({"The dog"}, {"The dog ate the food"}, options).sequences[0];
  }
  const AttributionModel model_ = load_tiny(GetParam());
};

/// deltas are what is missing in the sum of attributions; points in one pass or several change
/// nothing.
TEST_P(OnPaths, BlocksOfPointsChangeNothing) {
  const Json arguments = {{"n_steps", 6}, {"return_convergence_delta", true}};
  Json alone = arguments;
  alone["internal_batch_size"] = 1;
  const SequenceAttribution a = explain("discretized_integrated_gradients", arguments),
                            b = explain("discretized_integrated_gradients", alone);
  EXPECT_LE(difference(a.target_attributions, b.target_attributions),
            1e-6 * largest(a.target_attributions));
  EXPECT_LE(difference(a.step_scores.at("deltas"), b.step_scores.at("deltas")), 1e-6);
}

TEST_P(OnPaths, ValueZeroingRowsAddUpToOne) {
  for (const char* metric : {"cosine", "euclidean"}) {
    const SequenceAttribution s = explain("value_zeroing", {{"similarity_metric", metric}});
    const Tensor sums = s.target_attributions.nan_to_num(0).sum(0);  // [steps, layers]
    EXPECT_LE((sums - 1).abs().max().item<double>(), 1e-6);
    EXPECT_GE(s.target_attributions.nan_to_num(0).min().item<double>(), 0);
  }
}

/// Layers that are not zeroed have no scores; every way to name heads means the same heads.
TEST_P(OnPaths, ValueZeroingOfChosenHeads) {
  const Tensor all = explain("value_zeroing", Json::object()).target_attributions;
  const Tensor first =
      explain("value_zeroing", {{"decoder_zeroed_units_indices", {{"0", nullptr}}}})
          .target_attributions;
  EXPECT_EQ(difference(first.select(2, 0), all.select(2, 0)), 0);
  EXPECT_EQ(largest(first.narrow(2, 1, first.size(2) - 1)), 0);
  const Tensor head =
      explain("value_zeroing", {{"decoder_zeroed_units_indices", 0}}).target_attributions;
  for (const Json& same : {Json::array({0}), Json("0:1")}) {
    EXPECT_EQ(
        difference(
            explain("value_zeroing", {{"decoder_zeroed_units_indices", same}}).target_attributions,
            head),
        0);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, OnPaths,
                         testing::Values("llama_base", "gpt2_base", "llama_head_dim"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace inseq::test
