#include "generation/constraints.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "inseq/error.h"

namespace inseq::generation {
namespace {

const float kInf = std::numeric_limits<float>::infinity();

Tensor row(std::vector<float> values) { return at::tensor(values).unsqueeze(0); }
Tensor text(std::vector<int64_t> ids) { return at::tensor(ids, at::kLong).unsqueeze(0); }

/// The ids that are at minus infinity in one sequence.
std::vector<int64_t> forbidden(const Tensor& scores, int64_t sequence = 0) {
  std::vector<int64_t> ids;
  for (int64_t id = 0; id < scores.size(1); ++id) {
    if (scores[sequence][id].item<float>() == -kInf) ids.push_back(id);
  }
  return ids;
}

using Ids = std::vector<int64_t>;

TEST(Constraints, ForbidSkipsIdsOutsideTheVocabulary) {
  const Tensor scores = at::zeros({2, 4});
  const Tensor out = forbid(scores, {2, 9, -1});
  EXPECT_EQ(forbidden(out, 0), Ids({2}));
  EXPECT_EQ(forbidden(out, 1), Ids({2}));
  EXPECT_TRUE(scores.eq(0).all().item<bool>()) << "the input must stay as it was";
}

TEST(Constraints, ForceLeavesNothingElse) {
  EXPECT_EQ(forbidden(force(at::ones({1, 4}), {1, 3})), Ids({0, 2}));
  EXPECT_THROW(force(at::ones({1, 4}), {4}), InvalidArgument);
}

TEST(Constraints, RepetitionPenaltyDividesPositiveAndMultipliesNegativeLogits) {
  const Tensor out = penalise_repetition(row({3, -3, 3, -3}), text({0, 1, 1, 0}), 1.5);
  EXPECT_TRUE(at::allclose(out, row({2, -4.5, 3, -3})));
}

TEST(Constraints, RepetitionPenaltyIgnoresPaddingAndIdsThatAreNeverWritten) {
  const Tensor out = penalise_repetition(row({3, 3, 3, 3}), text({kNoToken, 99, 2}), 3);
  EXPECT_TRUE(at::allclose(out, row({3, 3, 1, 3})));
}

TEST(Constraints, NgramsAreNotCompletedTwice) {
  const Tensor scores = at::zeros({1, 6});
  EXPECT_EQ(forbidden(forbid_repeated_ngrams(scores, text({1, 2, 3, 1, 2, 4, 1, 2}), 3)),
            Ids({3, 4}));
  EXPECT_EQ(forbidden(forbid_repeated_ngrams(scores, text({1, 2, 3, 1}), 2)), Ids({2}));
  EXPECT_EQ(forbidden(forbid_repeated_ngrams(scores, text({5, 2, 2}), 1)), Ids({2, 5}));
  EXPECT_EQ(forbidden(forbid_repeated_ngrams(scores, text({1, 1}), 3)), Ids());
}

TEST(Constraints, NgramsDoNotReachIntoPadding) {
  const Tensor scores = at::zeros({1, 6});
  const Tensor padded = text({kNoToken, kNoToken, kNoToken, 1});
  for (int64_t size : {1, 2, 3, 4}) {
    EXPECT_EQ(forbidden(forbid_repeated_ngrams(scores, padded, size)),
              size == 1 ? Ids({1}) : Ids());
  }
}

TEST(Constraints, WordsAreForbiddenWhereTheirBeginningWasSaid) {
  const Tensor scores = at::zeros({2, 6});
  const Tensor history = at::cat({text({1, 2, 3}), text({kNoToken, 3, 2})});
  const std::vector<Ids> words = {{0},    {3, 4}, {1, 2, 3, 5}, {3, 2, 1}, {9, 9, 9, 9, 9, 2},
                                  {2, 77}};
  EXPECT_EQ(forbidden(forbid_words(scores, history, words), 0), Ids({0, 4, 5}));
  EXPECT_EQ(forbidden(forbid_words(scores, history, words), 1), Ids({0, 1}));
}

TEST(Constraints, HasteRaisesLogitsOfEitherSign) {
  const Tensor scores = row({2, -2, 2, -kInf});
  const Tensor out = hasten_end(scores, {0, 1, 3, 40}, 2.0, 3);
  EXPECT_TRUE(at::allclose(out, row({2 + 2 * 7, -2 + 2 * 7, 2, -kInf})));
}

TEST(Constraints, HasteStaysFiniteHoweverLate) {
  const Tensor out = hasten_end(row({2, 0, -2}), {0, 1, 2}, 10.0, 1000000);
  EXPECT_TRUE(out.isfinite().all().item<bool>());
  EXPECT_EQ(out.argmax().item<int64_t>(), 0);
}

TEST(Constraints, InvalidValuesBecomeNumbers) {
  const Tensor out = remove_invalid(row({std::nanf(""), kInf, -kInf, 1}));
  const float max = std::numeric_limits<float>::max();
  EXPECT_TRUE(at::equal(out, row({0, max, -max, 1})));
}

}  // namespace
}  // namespace inseq::generation
