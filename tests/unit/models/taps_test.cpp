// Passes that begin at the output of a layer or block, in every architecture.
#include <gtest/gtest.h>

#include "models/stack/architecture.h"
#include "support/formula_model.h"
#include "support/pullback.h"
#include "support/temporary_folder.h"

namespace inseq::models {
namespace {

class Taps : public testing::TestWithParam<std::string> {
 protected:
  Taps() {
    test::write_model_folder(GetParam(), folder_.path());
    files_ = open_model_files(folder_.path(), /*is_gguf=*/false);
    model_ = build_model(files_, {.dtype = at::kDouble});
    const Tensor source = (at::arange(5) * 7 + 3).unsqueeze(0);
    const bool reads_source = model_->sizes().has_encoder();
    embeddings_ =
        model_->embed({reads_source ? source : Tensor(), (at::arange(6) * 5 + 2).view({1, 6})});
  }

  /// What a pass reads at a tap: two points, the text's own values first.
  Sides points(const Tap& tap) const {
    const Sides own = model_->at_tap(tap, embeddings_, 0);
    const bool encodes = tap.half == Half::kEncoder;
    // Not a multiple of the first, which norms would not tell from it.
    const auto two = [](const Tensor& x, bool moved) {
      return x.defined() ? at::cat({x, moved ? x + 0.4 * x.roll(1, 2) : x}) : x;
    };
    return {two(own.source, encodes), two(own.target, !encodes)};
  }

  test::TemporaryFolder folder_;
  ModelFiles files_;
  std::unique_ptr<LanguageModel> model_;
  Sides embeddings_;
};

void expect_close(const Tensor& found, const Tensor& expected) {
  ASSERT_EQ(found.sizes(), expected.sizes());
  const double largest = expected.abs().max().item<double>();
  EXPECT_LE((found - expected).abs().max().item<double>(), 1e-10 * std::max(1e-3, largest));
}

TEST_P(Taps, PullbacksAreAutogradStepByStep) {
  for (const auto& [name, tap] : model_->taps()) {
    SCOPED_TRACE(name);
    const bool encodes = tap.half == Half::kEncoder;
    const Sides at = points(tap);
    const std::vector<int64_t> positions{4, 1, 5};
    const auto pass =
        model_->forward(at, {.keep = Keep::kPullback, .tap = &tap, .base = &embeddings_});
    const Tensor grad = test::randn64({3, 2, model_->sizes().hidden});
    const Sides found = model_->pullback(grad, positions, *pass, /*target_too=*/false);
    EXPECT_EQ(found.source.defined(), encodes);
    EXPECT_EQ(found.target.defined(), !encodes);
    const at::AutoGradMode recording(true);
    Sides leaves = at;
    Tensor& leaf = encodes ? leaves.source : leaves.target;
    leaf = leaf.detach().requires_grad_();
    const Tensor hidden =
        model_->forward(leaves, {.tap = &tap, .base = &embeddings_})->final_hidden;
    for (int64_t s = 0; s < 3; ++s) {
      const Tensor right = torch::autograd::grad({hidden.select(1, positions[s])}, {leaf},
                                                 {grad[s]}, /*retain_graph=*/true)[0];
      expect_close((encodes ? found.source : found.target)[s], right);
    }
  }
}

TEST_P(Taps, FromItsOwnOutputsAPassGoesOnAsItWas) {
  const Tensor whole = model_->forward(embeddings_, {})->final_hidden;
  for (const auto& [name, tap] : model_->taps()) {
    SCOPED_TRACE(name);
    const Tensor found =
        model_->forward(points(tap), {.tap = &tap, .base = &embeddings_})->final_hidden;
    expect_close(found.narrow(0, 0, 1), whole);
    EXPECT_GT((found[1] - whole[0]).abs().max().item<double>(), 1e-6);
  }
}

/// With the text as its own baseline, DeepLIFT's secants are slopes.
TEST_P(Taps, RescaleRuleFromTheTextItselfIsTheGradient) {
  if (GetParam() == "nllb_moe") GTEST_SKIP() << "a mixture of experts has no reference";
  for (const auto& [name, tap] : model_->taps()) {
    SCOPED_TRACE(name);
    const Sides at = model_->at_tap(tap, embeddings_, 0);
    const auto reference = model_->forward(
        at, {.keep = Keep::kReference, .every_function = true, .tap = &tap, .base = &embeddings_});
    const Tensor grad = test::randn64({1, 1, model_->sizes().hidden});
    const auto with = [&](const LanguageModel::Pass* from) {
      const auto pass = model_->forward(at, {.keep = Keep::kPullback,
                                             .reference = from,
                                             .every_function = true,
                                             .tap = &tap,
                                             .base = &embeddings_});
      const Sides found = model_->pullback(grad, {5}, *pass, /*target_too=*/false);
      return tap.half == Half::kEncoder ? found.source : found.target;
    };
    expect_close(with(reference.get()), with(nullptr));
  }
}

TEST_P(Taps, AreNamedAsTheModulesOfTheCheckpoint) {
  for (const auto& [name, tap] : model_->taps()) {
    const auto& all = files_.tensors->entries();
    EXPECT_TRUE(std::any_of(all.begin(), all.end(), [&, module = name + "."](const auto& tensor) {
      return tensor.name.starts_with(module);
    })) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Taps, testing::ValuesIn(test::tiny_model_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace inseq::models
