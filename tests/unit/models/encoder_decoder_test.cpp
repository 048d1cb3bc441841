#include "models/stack/encoder_decoder.h"

#include <gtest/gtest.h>

#include "support/pullback.h"
#include "support/tiny_encoder_decoder.h"

namespace inseq::models {
namespace {

using test::randn64;
using test::tiny_encoder_decoder;
using test::TinyEncoderDecoder;

constexpr int64_t kSource = 5, kTokens = 7;

class EncoderDecoderOf : public testing::TestWithParam<TinyEncoderDecoder> {
 protected:
  Sides embeddings(int64_t batch) const {
    const int64_t hidden = GetParam().hidden;
    return {randn64({batch, kSource, hidden}), randn64({batch, kTokens, hidden})};
  }
  std::unique_ptr<EncoderDecoder> model_ = tiny_encoder_decoder(GetParam());
};

void expect_close(const Tensor& found, const Tensor& expected) {
  ASSERT_EQ(found.sizes(), expected.sizes());
  const double largest = std::max(1.0, expected.abs().max().item<double>());
  EXPECT_LE((found - expected).abs().max().item<double>(), 1e-10 * largest);
}

TEST_P(EncoderDecoderOf, PullbackIsAutogradStepByStep) {
  const at::AutoGradMode recording(true);
  for (const int64_t batch : {1, 2}) {
    const Sides inputs = embeddings(batch);
    const auto pass = model_->forward(inputs, {.keep = Keep::kPullback});
    const std::vector<int64_t> positions{3, 0, 5};
    const Tensor grad = randn64({3, batch, GetParam().hidden});
    const Sides both = model_->pullback(grad, positions, *pass, true);
    const Sides source_alone = model_->pullback(grad, positions, *pass, false);
    EXPECT_FALSE(source_alone.target.defined());
    expect_close(source_alone.source, both.source);
    const Sides leaves{inputs.source.detach().requires_grad_(),
                       inputs.target.detach().requires_grad_()};
    const Tensor final_hidden = model_->forward(leaves, {})->final_hidden;
    for (int64_t s = 0; s < 3; ++s) {
      const auto expected =
          torch::autograd::grad({final_hidden.select(1, positions[s])},
                                {leaves.source, leaves.target}, {grad[s]}, /*retain_graph=*/true);
      expect_close(both.source[s], expected[0]);
      expect_close(both.target[s], expected[1].narrow(1, 0, 6));
    }
  }
}

TEST_P(EncoderDecoderOf, ABatchEqualsItsMembers) {
  const Sides inputs = embeddings(3);
  const Tensor together = model_->forward(inputs, {})->final_hidden;
  for (int64_t i = 0; i < 3; ++i) {
    const Sides one{inputs.source.narrow(0, i, 1), inputs.target.narrow(0, i, 1)};
    expect_close(together.narrow(0, i, 1), model_->forward(one, {})->final_hidden);
  }
}

TEST_P(EncoderDecoderOf, TargetsAreCausal) {
  const Sides inputs = embeddings(1);
  const Sides cut{inputs.source, inputs.target.narrow(1, 0, 4)};
  expect_close(model_->forward(inputs, {})->final_hidden.narrow(1, 0, 4),
               model_->forward(cut, {})->final_hidden);
}

TEST_P(EncoderDecoderOf, ForwardOnContinuesAPass) {
  const Sides inputs = embeddings(1);
  const auto pass = model_->forward(inputs, {.keep = Keep::kAttention});
  for (const int64_t from : {0, 3, 6}) {
    const Tensor suffix = randn64({4, kTokens - from, GetParam().hidden});
    const Tensor found = model_->forward_on(*pass, from, suffix, {})->final_hidden;
    for (int64_t i = 0; i < 4; ++i) {
      const Tensor target = at::cat({inputs.target.narrow(1, 0, from), suffix.narrow(0, i, 1)}, 1);
      const Tensor whole = model_->forward({inputs.source, target}, {})->final_hidden;
      expect_close(found.narrow(0, i, 1), whole.narrow(1, from, kTokens - from));
    }
  }
}

/// With the inputs as their own baseline, DeepLIFT's secants are slopes.
TEST_P(EncoderDecoderOf, RescaleRuleFromTheInputsThemselvesIsTheGradient) {
  const Sides inputs = embeddings(1);
  const auto reference =
      model_->forward(inputs, {.keep = Keep::kReference, .every_function = true});
  const auto plain = model_->forward(inputs, {.keep = Keep::kPullback});
  const auto ruled = model_->forward(
      inputs, {.keep = Keep::kPullback, .reference = reference.get(), .every_function = true});
  const Tensor grad = randn64({2, 1, GetParam().hidden});
  const Sides expected = model_->pullback(grad, {5, 2}, *plain, true);
  const Sides found = model_->pullback(grad, {5, 2}, *ruled, true);
  expect_close(found.source, expected.source);
  expect_close(found.target, expected.target);
}

TEST_P(EncoderDecoderOf, RescaleRuleComparesBothHalvesWithTheBaseline) {
  const Sides inputs = embeddings(1), baseline = embeddings(1);
  const auto reference =
      model_->forward(baseline, {.keep = Keep::kReference, .every_function = true});
  const Tensor grad = randn64({1, 1, GetParam().hidden});
  const auto with = [&](const LanguageModel::Pass* from) {
    const auto pass = model_->forward(
        inputs, {.keep = Keep::kPullback, .reference = from, .every_function = true});
    return model_->pullback(grad, {5}, *pass, true);
  };
  const Sides plain = with(nullptr), ruled = with(reference.get());
  EXPECT_FALSE(at::allclose(plain.source, ruled.source, 1e-3));
  EXPECT_FALSE(at::allclose(plain.target, ruled.target, 1e-3));
}

TEST_P(EncoderDecoderOf, LogitsPullbackMatchesAutograd) {
  test::expect_pullback_matches_autograd(
      [&](const Tensor& x) { return model_->logits(x); },
      [&](const Tensor& grad) { return model_->logits_pullback(grad); },
      randn64({2, GetParam().hidden}), 3);
}

TEST_P(EncoderDecoderOf, AttentionHasAllLayersAndSumsToOne) {
  const auto& m = GetParam();
  const auto pass = model_->forward(embeddings(2), {.keep = Keep::kAttention});
  const AttentionWeights found = model_->attention(*pass, at::tensor({1, 4}, at::kLong));
  using Shape = std::vector<int64_t>;
  EXPECT_EQ(found.decoder.sizes(), (Shape{m.layers, 2, m.heads, 2, kTokens}));
  EXPECT_EQ(found.cross.sizes(), (Shape{m.layers, 2, m.heads, 2, kSource}));
  EXPECT_EQ(found.encoder.sizes(), (Shape{m.encoder_layers, 2, m.heads, kSource, kSource}));
  for (const Tensor& weights : {found.decoder, found.cross, found.encoder}) {
    EXPECT_TRUE(at::allclose(weights.sum(-1), at::ones_like(weights.select(-1, 0))));
  }
}

/// Generation with padded sources and targets against passes without padding.
TEST_P(EncoderDecoderOf, NextLogitsSeeNoPadding) {
  const Tensor source = at::tensor({1, 2, 3, 4, 5, 6, 7, 0, 0, 0}).view({2, 5});
  const Tensor source_mask = at::tensor({1, 1, 1, 1, 1, 1, 1, 0, 0, 0}).view({2, 5});
  const Tensor target = at::tensor({9, 8, 7, 6, 0, 0, 5, 4}).view({2, 4});
  const Tensor mask = at::tensor({1, 1, 1, 1, 0, 0, 1, 1}).view({2, 4});
  const auto alone = [&](int64_t entry, int64_t end) {
    const int64_t left = entry == 0 ? 0 : 2;
    const Sides ids{source.narrow(0, entry, 1).narrow(1, 0, entry == 0 ? 5 : 2),
                    target.narrow(0, entry, 1).narrow(1, left, end - left)};
    const Tensor hidden = model_->forward(model_->embed(ids), {})->final_hidden;
    return model_->logits(hidden).select(1, end - left - 1)[0];
  };
  const auto cache = model_->start(source, source_mask);
  const Tensor first = model_->next_logits(target.narrow(1, 0, 3), mask.narrow(1, 0, 3), *cache);
  const Tensor second = model_->next_logits(target.narrow(1, 3, 1), mask, *cache);
  for (int64_t entry = 0; entry < 2; ++entry) {
    expect_close(first[entry], alone(entry, 3));
    expect_close(second[entry], alone(entry, 4));
  }
}

TEST_P(EncoderDecoderOf, ReorderedCachesAreThoseOfTheirEntries) {
  const Tensor source = at::tensor({1, 2, 3, 4, 5, 6}).view({2, 3});
  const Tensor target = at::tensor({9, 8, 7, 6}).view({2, 2}), ones = at::ones({4, 3}, at::kLong);
  const auto cache = model_->start(source, at::ones({2, 3}, at::kLong));
  model_->next_logits(target, ones.narrow(0, 0, 2).narrow(1, 0, 2), *cache);
  const Tensor rows = at::tensor({0, 0, 1, 1}, at::kLong), next = at::tensor({3, 4, 5, 6});
  cache->reorder(rows);
  const Tensor spread = model_->next_logits(next.view({4, 1}), ones, *cache);
  const Tensor order = at::tensor({3, 0, 2, 1}, at::kLong);  // across sources
  cache->reorder(order);
  const Tensor later = model_->next_logits(at::tensor({1, 2, 3, 4}).view({4, 1}),
                                           at::ones({4, 4}, at::kLong), *cache);
  for (int64_t i = 0; i < 4; ++i) {
    const auto whole = [&](int64_t entry, std::optional<int64_t> last) {
      const int64_t of = rows[entry].item<int64_t>();
      std::vector<Tensor> ids{target[of], next.narrow(0, entry, 1)};
      if (last) ids.push_back(at::tensor({*last}));
      const Sides one{source.narrow(0, of, 1), at::cat(ids).unsqueeze(0)};
      const Tensor hidden = model_->forward(model_->embed(one), {})->final_hidden;
      return model_->logits(hidden)[0][hidden.size(1) - 1];
    };
    expect_close(spread[i], whole(i, std::nullopt));
    expect_close(later[i], whole(order[i].item<int64_t>(), i + 1));
  }
}

constexpr auto kBefore = NormPlacement::kBefore, kAfter = NormPlacement::kAfter;
INSTANTIATE_TEST_SUITE_P(
    Forms, EncoderDecoderOf,
    testing::Values(
        TinyEncoderDecoder{}, TinyEncoderDecoder{.encoder_layers = 1, .layers = 1},
        TinyEncoderDecoder{.placement = kBefore},
        TinyEncoderDecoder{.placement = kBefore, .embedding_norm = EmbeddingNorm::kAfterPositions},
        TinyEncoderDecoder{.placement = kAfter, .embedding_norm = EmbeddingNorm::kBeforePositions},
        TinyEncoderDecoder{.placement = kBefore, .t5 = true},
        TinyEncoderDecoder{.layers = 1, .placement = kBefore, .t5 = true}));

TEST(EncoderDecoder, KnowsHowManyPositionsItHas) {
  EXPECT_EQ(tiny_encoder_decoder({})->sizes().max_positions, 16);
  EXPECT_EQ(tiny_encoder_decoder({})->sizes().max_source_positions, 16);
  const auto t5 = tiny_encoder_decoder({.placement = kBefore, .t5 = true});
  EXPECT_FALSE(t5->sizes().max_positions.has_value());
}

}  // namespace
}  // namespace inseq::models
