#include "engine/engine.h"

#include <gtest/gtest.h>

#include "inseq/error.h"
#include "support/tiny_model.h"

namespace inseq::engine {
namespace {

using test::tiny_model;
using test::TinyModel;

struct Case {
  const char* name;
  TinyModel model;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

Question question(int64_t tokens, int64_t first, int64_t last,
                  const char* function = "probability") {
  Question q;
  q.ids.target = (at::arange(tokens) * 7 + 3) % 13;
  q.first = first;
  q.last = last;
  q.attributed_function = step_functions::bind(function);
  return q;
}

Answer gradients(const models::DecoderOnly& model, const Question& q, Settings settings = {}) {
  return Engine(model, settings).gradients(q, {});
}

bool same(const Tensor& a, const Tensor& b, double bound) {
  return a.sizes() == b.sizes() && at::allclose(a, b, bound, bound, /*equal_nan=*/true);
}

class EngineOf : public testing::TestWithParam<Case> {};

TEST_P(EngineOf, OnePassEqualsAutogradStepByStep) {
  const models::DecoderOnly model = tiny_model(GetParam().model);
  for (const std::string& function : step_functions::step_functions().names()) {
    const Question q = question(11, 3, 11, function.c_str());
    const Answer fast = gradients(model, q),
                 slow = gradients(model, q, {.backend = Backend::kAutograd});
    // Results are kept in float32; the gradients themselves agree to 1e-10 (see DecoderOnly tests).
    EXPECT_TRUE(same(fast.target, slow.target, 2e-7)) << function;
  }
}

TEST_P(EngineOf, BlocksOfAnySizeGiveTheSame) {
  const models::DecoderOnly model = tiny_model(GetParam().model);
  const Question q = question(11, 2, 11);
  const int64_t hidden = model.sizes().hidden;
  const int64_t needed =
      model.saved_bytes(0, 10) + model.pullback_bytes(0, 10) + 6 * 13 * 4 + 3 * 10 * hidden * 4;
  const Answer whole = gradients(model, q);
  for (const int64_t limit : {needed, 2 * needed, 4 * needed}) {
    EXPECT_TRUE(same(gradients(model, q, {.memory_limit = limit}).target, whole.target, 1e-6))
        << limit;
  }
}

TEST_P(EngineOf, LaterTokensChangeNothing) {
  const models::DecoderOnly model = tiny_model(GetParam().model);
  const Question longer = question(12, 4, 7);
  Question shorter = longer;
  shorter.ids.target = longer.ids.target.narrow(0, 0, 7);
  EXPECT_TRUE(same(gradients(model, longer).target, gradients(model, shorter).target, 1e-7));
}

TEST_P(EngineOf, AStepSeesTheTokensBeforeItAndNoOthers) {
  const models::DecoderOnly model = tiny_model(GetParam().model);
  const Tensor found = gradients(model, question(9, 3, 9)).target;  // [9, 6, hidden]
  for (int64_t step = 0; step < 6; ++step) {
    EXPECT_FALSE(found.select(1, step).narrow(0, 0, 3 + step).isnan().any().item<bool>());
    EXPECT_TRUE(found.select(1, step).narrow(0, 3 + step, 6 - step).isnan().all().item<bool>());
  }
}

TEST_P(EngineOf, PerTokenDetailIsTheNormOfTheGranularOne) {
  const models::DecoderOnly model = tiny_model(GetParam().model);
  Question q = question(9, 3, 9);
  const Tensor granular = gradients(model, q).target;
  q.detail = Detail::kPerToken;
  EXPECT_TRUE(
      same(gradients(model, q).target, at::linalg_vector_norm(granular, 2, -1, true), 1e-6));
}

TEST_P(EngineOf, ScoresDoNotDependOnTheQuestion) {
  const models::DecoderOnly model = tiny_model(GetParam().model);
  Question q = question(9, 2, 9);
  q.step_scores["entropy"] = step_functions::bind("entropy");
  const Tensor beside = gradients(model, q).step_scores.at("entropy");
  const Tensor alone = Engine(model, {}).scores(q).step_scores.at("entropy");
  const Tensor with_attention = Engine(model, {}).attention(q).step_scores.at("entropy");
  EXPECT_TRUE(same(beside, alone, 1e-6));
  EXPECT_TRUE(same(beside, with_attention, 1e-6));
}

TEST_P(EngineOf, AttentionOfEveryStepSumsToOne) {
  const models::DecoderOnly model = tiny_model(GetParam().model);
  const Tensor found =
      Engine(model, {}).attention(question(9, 2, 9)).target;  // [9, 7, layers, heads]
  EXPECT_EQ(found.sizes(),
            (std::vector<int64_t>{9, 7, GetParam().model.layers, GetParam().model.heads}));
  EXPECT_TRUE(at::allclose(found.nansum(0), at::ones_like(found[0])));
}

/// Generation from prompts of different lengths, on both sides of where dynamic scaling begins.
TEST_P(EngineOf, NextLogitsOfABatchAreThoseOfItsTexts) {
  const models::DecoderOnly model = tiny_model(GetParam().model);
  const Tensor ids = ((at::arange(14) * 5 + 2) % 13).view({2, 7});
  const Tensor mask = at::tensor({0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}).view({2, 7});
  const auto together = model.start({}, {});
  const Tensor first = model.next_logits(ids.narrow(1, 0, 6), mask.narrow(1, 0, 6), *together);
  const Tensor second = model.next_logits(ids.narrow(1, 6, 1), mask, *together);
  for (const int64_t text : {0, 1}) {
    const int64_t left = text == 0 ? 3 : 0;
    const Tensor own = ids.narrow(0, text, 1).narrow(1, left, 7 - left), seen = at::ones_like(own);
    const auto alone = model.start({}, {});
    const Tensor expected =
        model.next_logits(own.narrow(1, 0, 6 - left), seen.narrow(1, 0, 6 - left), *alone);
    EXPECT_TRUE(same(first[text], expected[0], 1e-10)) << text;
    EXPECT_TRUE(
        same(second[text], model.next_logits(own.slice(1, 6 - left), seen, *alone)[0], 1e-10))
        << text;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, EngineOf,
    testing::Values(Case{"Llama", {}},
                    Case{"LlamaGrouped", {.heads = 4, .kv_heads = 2, .head_dim = 2}},
                    Case{"LlamaOneLayer", {.layers = 1}}, Case{"LlamaDynamic", {.dynamic_from = 5}},
                    Case{"Gpt2", {.hidden = 12, .llama = false}}),
    [](const auto& info) { return info.param.name; });

TEST(Engine, TooSmallALimitSaysWhatOneStepNeeds) {
  const models::DecoderOnly model = tiny_model({});
  try {
    gradients(model, question(9, 3, 9), {.memory_limit = 100});
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("explaining one step of this 9-token text needs"),
              std::string::npos);
    EXPECT_NE(std::string(error.what()).find("the limit is 100 bytes"), std::string::npos)
        << error.what();
  }
}

TEST(Engine, TextLongerThanThePositionTableIsRefused) {
  const models::DecoderOnly model = tiny_model({.hidden = 12, .llama = false});
  Question q = question(18, 3, 18);
  EXPECT_THROW(gradients(model, q), InvalidArgument);
  q.last = 17;
  EXPECT_NO_THROW(gradients(model, q));
}

TEST(Engine, ReportsEveryStepOnce) {
  const models::DecoderOnly model = tiny_model({});
  std::vector<int64_t> done;
  Settings settings;
  settings.progress = [&](const Progress& p) {
    EXPECT_EQ(p.total, 6);
    done.push_back(p.done);
  };
  gradients(model, question(9, 3, 9), settings);
  ASSERT_FALSE(done.empty());
  EXPECT_EQ(done.back(), 6);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
}

}  // namespace
}  // namespace inseq::engine
