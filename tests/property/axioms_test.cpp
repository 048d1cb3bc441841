// What holds for every attribution, whatever the model.
#include <gtest/gtest.h>

#include "models/stack/architecture.h"
#include "support/tiny_folder.h"

namespace inseq::test {
namespace {

const std::vector<std::string> kModels = {"llama_base", "gpt2_base", "llama_head_dim",
                                          "llama_llama3", "gpt2_scaled"};
const std::vector<std::string> kMethods = {"saliency", "input_x_gradient", "attention"};

class Axioms : public testing::TestWithParam<std::string> {
 protected:
  AttributionModel model_ = load_tiny(GetParam());
};

/// A step is explained by what came before it: later tokens change nothing.
TEST_P(Axioms, Causality) {
  const std::string shorter = "The dog ate", longer = "The dog ate the food of the cat";
  const auto short_tokens = model_.encode(shorter), long_tokens = model_.encode(longer);
  const auto shared = static_cast<int64_t>(short_tokens.size());
  ASSERT_GT(long_tokens.size(), short_tokens.size());
  ASSERT_TRUE(std::equal(short_tokens.begin(), short_tokens.end(), long_tokens.begin()));
  for (const std::string& method : kMethods) {
    AttributeOptions options;
    options.method = method;
    options.step_scores = {"entropy"};
    const SequenceAttribution a = model_.attribute({"The"}, {shorter}, options).sequences[0];
    const SequenceAttribution b = model_.attribute({"The"}, {longer}, options).sequences[0];
    const int64_t steps = shared - a.attr_pos_start;
    ASSERT_EQ(a.attr_pos_start, b.attr_pos_start);
    const Tensor head = b.target_attributions.narrow(0, 0, shared).narrow(1, 0, steps);
    EXPECT_LE(difference(a.target_attributions, head), 1e-6 * largest(head)) << method;
    EXPECT_LE(
        difference(a.step_scores.at("entropy"), b.step_scores.at("entropy").narrow(0, 0, steps)),
        1e-6);
  }
}

/// Explaining some steps gives the same as explaining all of them.
TEST_P(Axioms, PositionsOnlySelect) {
  const std::string text = "The dog ate the food of the cat";
  for (const std::string& method : kMethods) {
    AttributeOptions options;
    options.method = method;
    const SequenceAttribution all = model_.attribute({"The"}, {text}, options).sequences[0];
    options.attr_pos_start = all.attr_pos_start + 2;
    options.attr_pos_end = all.attr_pos_end - 1;
    const SequenceAttribution some = model_.attribute({"The"}, {text}, options).sequences[0];
    const Tensor expected = all.target_attributions.narrow(0, 0, *options.attr_pos_end)
                                .narrow(1, 2, *options.attr_pos_end - *options.attr_pos_start);
    EXPECT_LE(difference(some.target_attributions, expected), 1e-6 * largest(expected)) << method;
  }
}

TEST_P(Axioms, ABatchEqualsItsMembers) {
  const std::vector<std::string> inputs = {"The dog", "A", "The cat ate the"},
                                 generated = {"The dog ran to the house", "A bird",
                                              "The cat ate the food"};
  for (const std::string& method : kMethods) {
    AttributeOptions options;
    options.method = method;
    options.step_scores = {"probability"};
    const AttributionOutput all = model_.attribute(inputs, generated, options);
    ASSERT_EQ(all.sequences.size(), inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      const SequenceAttribution one =
          model_.attribute({inputs[i]}, {generated[i]}, options).sequences[0];
      EXPECT_EQ(one.target, all.sequences[i].target);
      EXPECT_EQ(difference(one.target_attributions, all.sequences[i].target_attributions), 0)
          << method;
      EXPECT_EQ(difference(one.step_scores.at("probability"),
                           all.sequences[i].step_scores.at("probability")),
                0);
    }
  }
}

TEST_P(Axioms, GeneratedBatchesEqualTheirMembers) {
  const std::vector<std::string> inputs = {"The dog", "A", "The cat ate the food"};
  const Json arguments = {{"max_new_tokens", 6}, {"skip_special_tokens", false}};
  const std::vector<std::string> all = model_.generate(inputs, arguments);
  for (size_t i = 0; i < inputs.size(); ++i)
    EXPECT_EQ(model_.generate({inputs[i]}, arguments)[0], all[i]) << inputs[i];
}

TEST_P(Axioms, AttentionRowsSumToOne) {
  AttributeOptions options;
  options.method = "attention";
  const SequenceAttribution s =
      model_.attribute({"The"}, {"The dog ate the food"}, options).sequences[0];
  const Tensor sums = s.target_attributions.nan_to_num(0).sum(0);  // [steps, layers, heads]
  EXPECT_LE((sums - 1).abs().max().item<double>(), 1e-6);
  EXPECT_GE(s.target_attributions.nan_to_num(0).min().item<double>(), 0);
}

TEST_P(Axioms, OneNumberPerTokenIsTheNormOrTheMean) {
  AttributeOptions options;
  for (const std::string& method : kMethods) {
    options.method = method;
    options.granular = true;
    const Tensor whole = model_.attribute({"The"}, {"The dog ate the food"}, options)
                             .sequences[0]
                             .target_attributions;
    options.granular = false;
    const Tensor reduced = model_.attribute({"The"}, {"The dog ate the food"}, options)
                               .sequences[0]
                               .target_attributions;
    const Tensor expected =
        method == "attention" ? whole.mean({2, 3}, true) : whole.norm(2, {-1}, true);
    EXPECT_LE(difference(reduced, expected), 1e-6 * largest(expected)) << method;
  }
}

/// saliency is |gradient|; with abs: false the gradient itself, whose product with the embeddings
/// is input_x_gradient.
TEST_P(Axioms, InputXGradientIsEmbeddingsTimesGradient) {
  const TemporaryFolder folder;
  write_model_folder(GetParam(), folder.path());
  const auto inner =
      models::build_model(models::open_model_files(folder.path(), false), {at::kDouble, at::kCPU});
  const std::string text = "The dog ate the food";
  AttributeOptions options;
  options.attribution_args = {{"abs", false}};
  const SequenceAttribution signed_gradient =
      model_.attribute({"The"}, {text}, options).sequences[0];
  options.attribution_args = Json::object();
  const SequenceAttribution saliency = model_.attribute({"The"}, {text}, options).sequences[0];
  options.method = "input_x_gradient";
  const SequenceAttribution product = model_.attribute({"The"}, {text}, options).sequences[0];
  EXPECT_EQ(difference(signed_gradient.target_attributions.abs(), saliency.target_attributions), 0);
  std::vector<int64_t> ids;
  for (const Token& token : product.target) ids.push_back(token.id);
  const Tensor rows = at::tensor(ids, at::kLong).narrow(0, 0, product.target_attributions.size(0));
  const Tensor expected =
      signed_gradient.target_attributions * inner->embed({{}, rows}).target.unsqueeze(1);
  EXPECT_LE(difference(product.target_attributions, expected.to(at::kFloat)),
            1e-6 * largest(expected));
}

INSTANTIATE_TEST_SUITE_P(Models, Axioms, testing::ValuesIn(kModels),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace inseq::test
