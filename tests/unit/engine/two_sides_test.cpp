// The engine on models with an encoder.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "support/tiny_encoder_decoder.h"

namespace inseq::engine {
namespace {

using test::tiny_encoder_decoder;
using test::TinyEncoderDecoder;

Question question(const char* function = "probability") {
  Question q;
  q.ids.source = (at::arange(7) * 5 + 2) % 13;
  q.ids.target = (at::arange(9) * 7 + 3) % 13;
  q.first = 2;
  q.last = 9;
  q.attribute_target = true;
  q.attributed_function = step_functions::bind(function);
  return q;
}

bool same(const Tensor& a, const Tensor& b, double bound) {
  return a.sizes() == b.sizes() && at::allclose(a, b, bound, bound, /*equal_nan=*/true);
}

void expect_same(const Answer& a, const Answer& b, double bound, const std::string& what) {
  EXPECT_TRUE(same(a.source, b.source, bound)) << what << ", source";
  EXPECT_TRUE(same(a.target, b.target, bound)) << what << ", target";
}

class TwoSides : public testing::TestWithParam<TinyEncoderDecoder> {
 protected:
  Answer gradients(const Question& q, Settings settings = {}, const Path& path = {}) const {
    return Engine(*model_, std::move(settings)).gradients(q, path);
  }

  std::unique_ptr<models::EncoderDecoder> model_ = tiny_encoder_decoder(GetParam());
};

/// Three points on the straight line from zero, as integrated gradients has them.
Path straight(int64_t at_once) {
  Path path{.points = 3, .points_at_once = at_once};
  path.point = [](const Inputs& inputs, int64_t index) {
    const double share = static_cast<double>(index + 1) / 3;
    const auto scaled = [](const Tensor& x, double by) { return x * by; };
    return PathPoint{
        {scaled(inputs.embeddings.source, share), scaled(inputs.embeddings.target, share)},
        {inputs.embeddings.source / 3, inputs.embeddings.target / 3}};
  };
  return path;
}

TEST_P(TwoSides, OnePassEqualsAutogradStepByStep) {
  for (const std::string& function : step_functions::step_functions().names()) {
    const Question q = question(function.c_str());
    expect_same(gradients(q), gradients(q, {.backend = Backend::kAutograd}), 2e-7, function);
  }
}

TEST_P(TwoSides, BlocksOfAnySizeGiveTheSame) {
  const Question q = question();
  const Answer whole = gradients(q);
  const int64_t hidden = model_->sizes().hidden;
  const int64_t needed = model_->saved_bytes(7, 8) + model_->pullback_bytes(7, 8) + 6 * 13 * 8 +
                         3 * (7 + 8) * hidden * 8;
  for (const int64_t limit : {needed, 2 * needed, 4 * needed}) {
    expect_same(gradients(q, {.memory_limit = limit}), whole, 1e-6, std::to_string(limit));
  }
}

TEST_P(TwoSides, PathPointsTogetherOrOneByOneGiveTheSame) {
  const Question q = question();
  const Answer reference = gradients(q, {.backend = Backend::kAutograd}, straight(1));
  for (const int64_t at_once : {1, 2, 3})
    expect_same(gradients(q, {}, straight(at_once)), reference, 1e-6, std::to_string(at_once));
}

TEST_P(TwoSides, TheSourceDoesNotDependOnWhetherTheTargetIsAskedFor) {
  Question q = question();
  const Answer both = gradients(q);
  q.attribute_target = false;
  const Answer alone = gradients(q);
  EXPECT_TRUE(same(alone.source, both.source, 1e-6));
  EXPECT_FALSE(alone.target.defined());
}

TEST_P(TwoSides, LaterTokensChangeNothing) {
  Question q = question();
  q.last = 5;
  const Answer longer = gradients(q);
  q.ids.target = q.ids.target.narrow(0, 0, 5);
  expect_same(gradients(q), longer, 1e-7, "cut");
}

TEST_P(TwoSides, AttentionIsWholeWhereverItStarts) {
  Question q = question();
  q.attribute_target = false;
  const Answer later = Engine(*model_, {}).attention(q);
  q.first = 1;
  const Answer all = Engine(*model_, {}).attention(q);
  EXPECT_TRUE(same(later.source, all.source.narrow(1, 1, 7), 1e-7));
  const Tensor& decoder = later.sequence_scores.at("decoder_self_attentions");
  EXPECT_EQ(decoder.size(0), 8);  // every token before the last explained one
  for (const auto& [name, scores] : later.sequence_scores)
    EXPECT_TRUE(same(scores, all.sequence_scores.at(name), 1e-7)) << name;
}

constexpr auto kBefore = models::NormPlacement::kBefore;
INSTANTIATE_TEST_SUITE_P(Forms, TwoSides,
                         testing::Values(TinyEncoderDecoder{}, TinyEncoderDecoder{.layers = 1},
                                         TinyEncoderDecoder{.placement = kBefore},
                                         TinyEncoderDecoder{.placement = kBefore, .t5 = true}));

}  // namespace
}  // namespace inseq::engine
