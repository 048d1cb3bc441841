#include "methods/sampling/token_sampler.h"

#include <gtest/gtest.h>

#include "inseq/error.h"
#include "methods/paths/random.h"

namespace inseq::methods {
namespace {

const std::vector<std::string> kWords = {"<s>",  " dog", "cat", "houses", "Dogs", "the",
                                         "</s>", "an",   "ran", "!",      "tree", "quickly"};

/// Decoder-only; of the tokens "<s>" and "</s>" are special.
engine::Question question() {
  engine::Question out;
  out.special = {.vocab = 12, .all = {0, 6}};
  out.text_of = [](int64_t id, bool) { return kWords[static_cast<size_t>(id)]; };
  return out;
}

models::ModelSizes sizes() {
  models::ModelSizes out;
  out.vocab = 16;  // the embedding table may be longer than the vocabulary
  return out;
}

/// How often each id is drawn for each token: [tokens, 16].
Tensor counts(const engine::Question& asked, const models::ModelSizes& model, const Tensor& text,
              int64_t source, Replacements kind, int64_t rows) {
  at::Generator random = random_stream(3, 0);
  const Tensor drawn =
      TokenSampler(asked, model, text, source, kind).draw(rows, text.size(0), random);
  std::vector<Tensor> out;
  for (int64_t i = 0; i < text.size(0); ++i) {
    out.push_back(at::bincount(drawn.select(1, i).contiguous(), {}, 16));
  }
  return at::stack(out);
}

TEST(TokenSampler, KeepsThePartOfSpeechAndDrawsItsTokensAlike) {
  const Tensor text = at::tensor({1, 5, 3, 9, 8}, at::kLong);
  const Tensor found = counts(question(), sizes(), text, 0, Replacements::kSamePartOfSpeech, 3000);
  const auto drawn_for = [&](int64_t token) {
    const Tensor ids = found[token].nonzero().squeeze(1).contiguous();
    return std::vector<int64_t>(ids.const_data_ptr<int64_t>(),
                                ids.const_data_ptr<int64_t>() + ids.size(0));
  };
  EXPECT_EQ(drawn_for(0), (std::vector<int64_t>{1, 2, 10}));  // dog, cat, tree
  EXPECT_EQ(drawn_for(1), (std::vector<int64_t>{5, 7}));      // the, an
  EXPECT_EQ(drawn_for(2), (std::vector<int64_t>{3, 4}));      // houses, Dogs
  EXPECT_EQ(drawn_for(3), (std::vector<int64_t>{9}));         // !
  EXPECT_EQ(drawn_for(4), (std::vector<int64_t>{8}));         // ran
  // 1000 expected of 3000, standard deviation 26.
  for (const int64_t id : {1, 2, 10}) EXPECT_NEAR(found[0][id].item<double>(), 1000, 4 * 26);
}

TEST(TokenSampler, AnyTokenMayReplaceAnyOther) {
  const Tensor text = at::tensor({1, 9}, at::kLong);
  const Tensor found = counts(question(), sizes(), text, 0, Replacements::kAny, 5000);
  for (int64_t id = 0; id < 16; ++id) {
    const bool allowed = id != 0 && id != 6 && id < 12;
    for (int64_t token = 0; token < 2; ++token) {
      if (allowed) {
        EXPECT_NEAR(found[token][id].item<double>(), 500, 4 * 22) << id;
      } else {
        EXPECT_EQ(found[token][id].item<int64_t>(), 0) << id;
      }
    }
  }
}

/// A special token has no replacement of its kind when the others of it are special, too.
TEST(TokenSampler, TokensWithoutTheirLikeMayBecomeAny) {
  engine::Question asked = question();
  asked.special.all = {0, 6, 9};
  const Tensor found =
      counts(asked, sizes(), at::tensor({9}, at::kLong), 0, Replacements::kSamePartOfSpeech, 2000);
  EXPECT_EQ(found[0].gt(0).sum().item<int64_t>(), 9);
}

TEST(TokenSampler, SidesHaveTheirOwnVocabularies) {
  engine::Question asked = question();
  asked.text_of = [](int64_t id, bool source) {
    return source ? (id % 2 == 0 ? "the" : "house") : kWords[static_cast<size_t>(id)];
  };
  models::ModelSizes model = sizes();
  model.source_vocab = 9;
  const Tensor found = counts(asked, model, at::tensor({1, 2, 1}, at::kLong), 2,
                              Replacements::kSamePartOfSpeech, 2000);
  const auto ids = [&](int64_t token) { return found[token].nonzero().squeeze(1); };
  EXPECT_TRUE(at::equal(ids(0), at::tensor({1, 3, 5, 7}, at::kLong)));
  EXPECT_TRUE(at::equal(ids(1), at::tensor({2, 4, 8}, at::kLong)));
  EXPECT_TRUE(at::equal(ids(2), at::tensor({1, 2, 10}, at::kLong)));
}

TEST(TokenSampler, RefusesAVocabularyOfSpecialTokens) {
  engine::Question asked = question();
  asked.special = {.vocab = 2, .all = {0, 1}};
  EXPECT_THROW(TokenSampler(asked, sizes(), at::tensor({1}, at::kLong), 0, Replacements::kAny),
               InvalidArgument);
}

}  // namespace
}  // namespace inseq::methods
