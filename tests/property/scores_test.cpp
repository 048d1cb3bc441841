// Step scores, special tokens and token names.
#include <gtest/gtest.h>

#include "models/stack/architecture.h"
#include "support/tiny_folder.h"

namespace inseq::test {
namespace {

class Scores : public testing::TestWithParam<std::string> {
 protected:
  AttributionModel model_ = load_tiny(GetParam());
};

/// The scores of explained steps are those of the predictions that generation makes, token by token
/// with its cache.
TEST_P(Scores, EqualThoseOfGeneration) {
  const TemporaryFolder folder;
  write_model_folder(GetParam(), folder.path());
  const auto inner =
      models::build_model(models::open_model_files(folder.path(), false), {at::kDouble, at::kCPU});
  AttributeOptions options;
  options.method = "dummy";
  options.step_scores = {"logit", "probability", "entropy", "crossentropy", "perplexity"};
  const SequenceAttribution s =
      model_.attribute({"The"}, {"The dog ate the food"}, options).sequences[0];
  const auto cache = inner->start({}, {});
  for (int64_t p = 1; p < s.attr_pos_end; ++p) {
    const auto id = [&](int64_t at) { return s.target[static_cast<size_t>(at)].id; };
    const Tensor fresh = at::full({1, 1}, id(p - 1), at::kLong), seen = at::ones({1, p}, at::kLong);
    const Tensor logits = inner->next_logits(fresh, seen, *cache)[0];  // [vocab]
    const int64_t step = p - s.attr_pos_start;
    if (step < 0) continue;
    const Tensor probabilities = logits.softmax(-1);
    const double chosen = probabilities[id(p)].item<double>();
    const auto score = [&](const char* name) {
      return s.step_scores.at(name)[step].item<double>();
    };
    EXPECT_NEAR(score("logit"), logits[id(p)].item<double>(), 1e-5);
    EXPECT_NEAR(score("probability"), chosen, 1e-6);
    EXPECT_NEAR(score("entropy"), -(probabilities * probabilities.log()).sum().item<double>(),
                1e-5);
    EXPECT_NEAR(score("crossentropy"), -std::log(chosen), 1e-5);
    EXPECT_NEAR(score("perplexity") / std::exp2(-std::log(chosen)), 1, 1e-5);
  }
}

TEST_P(Scores, GreedyTokensAreTheMostProbable) {
  const TemporaryFolder folder;
  write_model_folder(GetParam(), folder.path());
  const auto inner =
      models::build_model(models::open_model_files(folder.path(), false), {at::kDouble, at::kCPU});
  std::vector<int64_t> ids;
  for (const Token& token : model_.encode("The dog")) ids.push_back(token.id);
  for (int i = 0; i < 4; ++i) {
    const Tensor embeddings = inner->embed({{}, at::tensor(ids, at::kLong)}).target;
    const auto pass = inner->forward({{}, embeddings.unsqueeze(0)}, {});
    ids.push_back(inner->logits(pass->final_hidden[0][-1]).argmax().item<int64_t>());
  }
  const Json arguments = {{"max_new_tokens", 4}, {"skip_special_tokens", false}};
  EXPECT_EQ(model_.generate({"The dog"}, arguments)[0], model_.decode(ids));
}

TEST_P(Scores, CleanSpecialCharactersOnlyRenamesTokens) {
  AttributeOptions options;
  const AttributionOutput usual = model_.attribute({"The dog"}, {"The dog ate the food"}, options);
  options.clean_special_chars = true;
  const AttributionOutput cleaned =
      model_.attribute({"The dog"}, {"The dog ate the food"}, options);
  const SequenceAttribution &a = usual.sequences[0], &b = cleaned.sequences[0];
  EXPECT_EQ(difference(a.target_attributions, b.target_attributions), 0);
  ASSERT_EQ(a.target.size(), b.target.size());
  bool marked = false;
  for (size_t i = 0; i < a.target.size(); ++i) {
    EXPECT_EQ(a.target[i].id, b.target[i].id);
    for (const char* mark : {"Ġ", "▁", "Ċ"}) {
      marked = marked || a.target[i].text.find(mark) != std::string::npos;
      EXPECT_EQ(b.target[i].text.find(mark), std::string::npos) << b.target[i].text;
    }
  }
  EXPECT_TRUE(marked) << "no token of this text has a mark to clean";
}

/// Without an unknown token, the tokenizer's padding stands for it, not that of config.json.
TEST(Baseline, IsThePaddingOfATokenizerWithoutUnknownToken) {
  const TemporaryFolder folder;
  write_model_folder("llama_base", folder.path());
  const auto explained = [&](const Json& model_kwargs) {
    LoadOptions loading;
    loading.dtype = "float64";
    loading.model_kwargs = model_kwargs;
    AttributeOptions options;
    options.method = "occlusion";
    return AttributionModel::load(folder.path(), loading)
        .attribute({"The dog"}, {"The dog ate the food"}, options)
        .sequences[0]
        .target_attributions;
  };
  EXPECT_EQ(difference(explained({{"pad_token_id", 7}}), explained({{"pad_token_id", 2}})), 0);
}

TEST_P(Scores, SkippedSpecialTokensAreNotInTheText) {
  AttributeOptions options;
  options.skip_special_tokens = true;
  const SequenceAttribution plain =
      model_.attribute({"The dog"}, {"The dog ate"}, options).sequences[0];
  const bool llama = GetParam().starts_with("llama");
  const std::string bos = llama ? "<s>" : "<|endoftext|>", eos = llama ? "</s>" : "<|endoftext|>";
  for (const Token& token : plain.target) {
    EXPECT_NE(token.text, bos);
    EXPECT_NE(token.text, eos);
  }
  // Those that the text itself names are taken out too.
  const SequenceAttribution named =
      model_.attribute({bos + "The dog"}, {bos + "The dog ate" + eos}, options).sequences[0];
  EXPECT_EQ(named.target, plain.target);
  EXPECT_EQ(difference(named.target_attributions, plain.target_attributions), 0);
}

INSTANTIATE_TEST_SUITE_P(Models, Scores, testing::Values("llama_base", "gpt2_base"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace inseq::test
