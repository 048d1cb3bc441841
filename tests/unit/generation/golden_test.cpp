// Agreement with transformers' generate(): tests/golden/generation/data.json.
#include <limits>

#include "generation/constraints.h"
#include "generation/logits_processors.h"
#include "unit/generation/table_model.h"

namespace inseq::generation {
namespace {

Prompts prompts_named(const std::string& name) {
  return padded(golden().at("prompts").at(name).get<std::vector<std::vector<int64_t>>>());
}

Options options_of(const Json& golden_case) {
  return read_options(
      {.generation_config = golden_case.at("file"), .user = golden_case.at("options")});
}

TEST(GenerationGolden, TextsEqualTransformers) {
  const Json& cases = golden().at("texts");
  ASSERT_GE(cases.size(), 50u);
  for (const Json& one : cases) {
    SCOPED_TRACE(one.at("name").get<std::string>());
    Options options = options_of(one);
    if (!one.at("positions").is_null()) options.max_positions = one.at("positions").get<int64_t>();
    EXPECT_EQ(texts_of(prompts_named(one.at("prompts").get<std::string>()), options),
              one.at("ids").get<std::vector<std::vector<int64_t>>>());
  }
}

/// Minus infinity is null in the file: [batch, vocab].
Tensor scores_of(const Json& rows) {
  std::vector<Tensor> tensors;
  for (const Json& row : rows) {
    std::vector<float> values;
    for (const Json& value : row) {
      values.push_back(value.is_null() ? -std::numeric_limits<float>::infinity()
                                       : value.get<float>());
    }
    tensors.push_back(at::tensor(values));
  }
  return at::stack(tensors);
}

TEST(GenerationGolden, SamplingScoresEqualTransformers) {
  const Json& cases = golden().at("scores");
  ASSERT_GE(cases.size(), 30u);
  const Prompts prompts = prompts_named("batch");
  const at::NoGradGuard no_grad;
  const Tensor logits = TableModel()(prompts.ids, prompts.mask);
  const Tensor history = prompts.ids.masked_fill(prompts.mask.eq(0), kNoToken);
  for (const Json& one : cases) {
    SCOPED_TRACE(one.at("name").get<std::string>());
    Options options = options_of(one);
    options.do_sample = true;
    options.max_new_tokens = 1;
    const auto processors =
        logits_processors(options, resolve_lengths(options, prompts.ids.size(1)));
    const Tensor scores = process(processors, logits, history);
    const Tensor expected = scores_of(one.at("scores"));
    EXPECT_TRUE(at::equal(scores.isfinite(), expected.isfinite()));
    EXPECT_TRUE(at::allclose(scores, expected, /*rtol=*/1e-6, /*atol=*/1e-6));
  }
}

}  // namespace
}  // namespace inseq::generation
