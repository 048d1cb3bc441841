#include <cmath>
#include <limits>

#include "generation/lengths.h"
#include "inseq/error.h"
#include "unit/generation/table_model.h"

namespace inseq::generation {
namespace {

using Rows = std::vector<std::vector<int64_t>>;

/// A model whose logits are the same at every step: [batch, vocab].
NextLogits constant(const Tensor& logits) {
  return [logits](const Tensor&, const Tensor&) { return logits; };
}

Rows texts_of(const Tensor& logits, const Rows& prompts, const Options& options) {
  const Prompts batch = padded(prompts);
  return to_rows(generate({constant(logits)}, batch.ids, batch.mask, options).ids);
}

const float kInf = std::numeric_limits<float>::infinity();

TEST(Generate, ChoosesTheFirstOfEqualTokens) {
  const Tensor logits = at::tensor({0.f, 2.f, 2.f, 1.f}).unsqueeze(0);
  EXPECT_EQ(texts_of(logits, {{3}}, {.max_new_tokens = 2}), Rows({{3, 1, 1}}));
}

TEST(Generate, StopsAskingTheModelWhenAllHaveEnded) {
  TableModel model;
  const Prompts prompts = padded({{14}, {9}});  // these end after 1 and 14 tokens
  const Tensor out = generate({model.callback()}, prompts.ids, prompts.mask,
                              {.max_new_tokens = 24, .eos_token_ids = {1}, .pad_token_id = 0})
                         .ids;
  EXPECT_EQ(out.size(1), 15);
  EXPECT_EQ(model.calls(), 14);
}

TEST(Generate, ABatchEqualsItsMembersEvenWhenPaddingIsARealToken) {
  // 7 is padding, a word of the prompts, and ends texts: it must count only as a word.
  const Rows prompts = {{7, 12, 7, 30, 12, 7}, {20, 7, 33}, {7}};
  Options options{.max_new_tokens = 30, .eos_token_ids = {7}};
  options.repetition_penalty = 1.3;
  options.no_repeat_ngram_size = 2;
  options.bad_words_ids = {{7, 9}, {7, 7, 16}, {12}};
  const Rows together = generation::texts_of(padded(prompts, 7), options);
  for (size_t i = 0; i < prompts.size(); ++i) {
    std::vector<int64_t> alone = generation::texts_of(padded({prompts[i]}), options)[0];
    const size_t padding = prompts[0].size() - prompts[i].size();
    std::vector<int64_t> member(together[i].begin() + padding, together[i].end());
    ASSERT_GE(member.size(), alone.size());
    alone.resize(member.size(), 7);
    EXPECT_EQ(member, alone);
  }
}

TEST(Generate, SamplesTheSameForASeedWhateverTheBatch) {
  const Rows prompts = {{7, 12, 7}, {20}, {7, 12, 7}};
  Options options{.max_new_tokens = 12, .do_sample = true};
  options.seed = 3;
  const Rows together = generation::texts_of(padded(prompts), options);
  EXPECT_EQ(generation::texts_of(padded(prompts), options), together);
  EXPECT_EQ(generation::texts_of(padded({prompts[0]}), options)[0], together[0]);
  std::vector<int64_t> second = generation::texts_of(padded({prompts[1]}), options)[0];
  second.insert(second.begin(), 2, 0);
  EXPECT_EQ(second, together[1]);
  EXPECT_NE(together[0], together[2]);
  options.seed = 4;
  EXPECT_NE(generation::texts_of(padded(prompts), options), together);
}

TEST(Generate, DrawsASeedWhenThereIsNone) {
  const Options options{.max_new_tokens = 30, .do_sample = true};
  const Tensor logits = at::zeros({1, 40});
  EXPECT_NE(texts_of(logits, {{1}}, options), texts_of(logits, {{1}}, options));
}

TEST(Generate, SamplesFromTheProcessedScores) {
  Options options{.max_new_tokens = 400, .do_sample = true};
  options.temperature = 0.5;
  options.top_k = 2;
  options.seed = 8;
  const Tensor logits = at::tensor({1.f, 0.5f, 0.f, -1.f}).unsqueeze(0);
  const std::vector<int64_t> text = texts_of(logits, {{3}}, options)[0];
  const auto count = [&](int64_t id) { return std::count(text.begin() + 1, text.end(), id); };
  EXPECT_EQ(count(0) + count(1), 400);
  // p(0) = e / (e + 1) = 0.731: 292.4 expected, standard deviation 8.9.
  EXPECT_NEAR(static_cast<double>(count(0)), 292.4, 3 * 8.9);
}

TEST(Generate, KeepsTheTypeAndDeviceOfIds) {
  const Prompts prompts = padded({{1, 2}});
  const Tensor out = generate({constant(at::ones({1, 4}).to(at::kBFloat16))}, prompts.ids,
                              prompts.mask.to(at::kBool), {.max_new_tokens = 1})
                         .ids;
  EXPECT_EQ(out.scalar_type(), at::kLong);
  EXPECT_EQ(to_rows(out), Rows({{1, 2, 0}}));
}

TEST(Generate, ReportsEveryTokenAndMayBeStopped) {
  std::vector<int64_t> done;
  const auto progress = [&](const Progress& p) {
    EXPECT_EQ(p.total, 5);
    EXPECT_EQ(p.unit, "tokens");
    done.push_back(p.done);
    if (p.done == 3) throw Interrupted("stop");
  };
  const Prompts prompts = padded({{1}});
  EXPECT_THROW(generate({constant(at::zeros({1, 4}))}, prompts.ids, prompts.mask,
                        {.max_new_tokens = 5}, progress),
               Interrupted);
  EXPECT_EQ(done, std::vector<int64_t>({1, 2, 3}));
}

TEST(Generate, SaysWhenEveryTokenIsForbidden) {
  Options options{.max_new_tokens = 5};
  options.no_repeat_ngram_size = 1;
  const auto message =
      message_of<InvalidArgument>([&] { texts_of(at::zeros({1, 3}), {{0}}, options); });
  EXPECT_EQ(
      message,
      "the generation options forbid every token of the vocabulary at generated token 2 of "
      "sequence 0; loosen no_repeat_ngram_size, bad_words_ids, suppress_tokens or min_length");
}

TEST(Generate, SequencesThatHaveEndedMayRunOutOfTokens) {
  // The first sequence ends at once; the padding it gets, 3, is all that it may say afterwards.
  Options options{.max_new_tokens = 3, .eos_token_ids = {0}, .pad_token_id = 3};
  int step = 0;
  const NextLogits model = [&](const Tensor&, const Tensor&) {
    const Tensor other = at::tensor({0.f, 0.f, 1.f, 0.f});
    const Tensor first =
        step++ == 0 ? at::tensor({1.f, 0.f, 0.f, 0.f}) : at::full({4}, std::nan(""), at::kFloat);
    return at::stack({first, other});
  };
  for (const bool sample : {false, true}) {
    step = 0;
    options.do_sample = sample;
    options.top_k = 1;
    const Prompts prompts = padded({{1}, {1}});
    EXPECT_EQ(to_rows(generate({model}, prompts.ids, prompts.mask, options).ids),
              Rows({{1, 0, 3, 3}, {1, 2, 2, 2}}));
  }
}

TEST(Generate, RefusesLogitsThatAreNotNumbers) {
  for (const float bad : {std::nanf(""), kInf}) {
    const Tensor logits = at::tensor({0.f, bad}).unsqueeze(0);
    EXPECT_EQ(message_of<InvalidArgument>([&] { texts_of(logits, {{0}}, {}); }),
              "the logits of sequence 0 are NaN or infinite at generated token 0; compute in "
              "float32, or set remove_invalid_values");
    Options options{.max_new_tokens = 1};
    options.remove_invalid_values = true;
    EXPECT_NO_THROW(texts_of(logits, {{0}}, options));
  }
}

TEST(Generate, BlamesTheLogitsAndNotTheOptionsForNaN) {
  Options options{.max_new_tokens = 1, .do_sample = true};
  options.top_k = 1;
  const Tensor logits = at::tensor({0.f, std::nanf(""), 1.f}).unsqueeze(0);
  EXPECT_EQ(message_of<InvalidArgument>([&] { texts_of(logits, {{0}}, options); }).substr(0, 27),
            "the logits of sequence 0 ar");
}

TEST(Generate, SaysWhenOptionsMakeScoresOverflow) {
  Options options{.max_new_tokens = 1, .do_sample = true};
  options.temperature = 1e-39;
  const Tensor logits = at::tensor({5.f, 3.f}).unsqueeze(0);
  EXPECT_EQ(message_of<InvalidArgument>([&] { texts_of(logits, {{0}}, options); }),
            "the scores of sequence 0 overflow at generated token 0; choose a temperature and a "
            "repetition_penalty nearer to 1");
}

TEST(Generate, SaysWhenSamplingHasNothingLeft) {
  Options options{.max_new_tokens = 1, .do_sample = true};
  options.suppress_tokens = {0, 1};
  options.top_p = 0.9;
  options.typical_p = 0.9;
  options.renormalize_logits = true;
  const auto message =
      message_of<InvalidArgument>([&] { texts_of(at::zeros({1, 2}), {{0}}, options); });
  EXPECT_EQ(message.substr(0, 40), "the generation options forbid every toke");
}

TEST(Generate, RefusesPromptsItCannotContinue) {
  const auto run = [](const Tensor& ids, const Tensor& mask, const Tensor& logits) {
    return message_of<InvalidArgument>([&] { generate({constant(logits)}, ids, mask, {}); });
  };
  const Tensor ids = at::ones({2, 3}, at::kLong), logits = at::zeros({2, 4});
  EXPECT_EQ(run(ids.to(at::kInt), ids, logits),
            "prompt ids must be int64 of shape [batch, tokens] with at least one token, got Int of "
            "shape [2, 3]");
  EXPECT_EQ(
      run(ids.narrow(1, 0, 0), ids.narrow(1, 0, 0), logits),
      "prompt ids must be int64 of shape [batch, tokens] with at least one token, got Long of "
      "shape [2, 0]");
  EXPECT_EQ(run(ids, ids.narrow(1, 0, 2), logits),
            "the prompt mask has shape [2, 2], the prompt ids have [2, 3]");
  EXPECT_EQ(run(ids, int_tensor({{1, 1, 1}, {1, 1, 0}}), logits),
            "prompts must be padded on the left: the last column of the mask holds zeros");
  EXPECT_EQ(run(ids, ids, at::zeros({3, 4})),
            "next-token logits must be floats of shape [2, vocabulary], got Float of shape [3, 4]");
}

TEST(Generate, ChecksItsOptions) {
  Options options{.max_new_tokens = 1};
  options.bad_words_ids = {{}};
  EXPECT_EQ(message_of<InvalidArgument>([&] { texts_of(at::zeros({1, 4}), {{0}}, options); }),
            "generation option \"bad_words_ids\" must be a list of non-empty lists of token ids, "
            "got [[]]");
}

TEST(Lengths, FollowTheWinningOptions) {
  EXPECT_EQ(resolve_lengths({}, 30).max, 50);
  EXPECT_EQ(resolve_lengths({.max_positions = 40}, 30).max, 40);
  EXPECT_EQ(resolve_lengths({.max_length = 64, .max_positions = 40}, 30).max, 64);
  EXPECT_EQ(resolve_lengths({.max_length = 64, .max_new_tokens = 3}, 30).max, 33);
  const int64_t endless = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(resolve_lengths({.max_new_tokens = endless}, 30).max, endless);
  EXPECT_EQ(resolve_lengths({.min_length = 40}, 30).min, 40);
  EXPECT_EQ(resolve_lengths({.min_length = 40, .min_new_tokens = 2}, 30).min, 32);
}

TEST(Lengths, SayWhenThePromptIsTooLong) {
  EXPECT_EQ(message_of<InvalidArgument>([] { resolve_lengths({.max_length = 20}, 20); }),
            "the prompt has 20 tokens, which leaves no room for new ones within max_length 20; "
            "raise max_length or set max_new_tokens");
  EXPECT_EQ(message_of<InvalidArgument>([] { resolve_lengths({.max_positions = 8}, 9); }),
            "the prompt has 9 tokens, which leaves no room for new ones in the 8 positions of the "
            "model; shorten the prompt");
}

}  // namespace
}  // namespace inseq::generation
