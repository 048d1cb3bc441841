// Agreement with transformers' generate(): tests/golden/generation/data.json.
#include <cmath>
#include <limits>
#include <map>

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

TEST(GenerationGolden, BeamsAndTheirScoresEqualTransformers) {
  const Json& cases = golden().at("beams");
  ASSERT_GE(cases.size(), 80u);
  for (const Json& one : cases) {
    SCOPED_TRACE(one.at("name").get<std::string>());
    const Prompts prompts = prompts_named(one.at("prompts").get<std::string>());
    TableModel model(TableModel::Ties::kBroken);
    const Generated made = generate(model.decoder(), prompts.ids, prompts.mask, options_of(one));
    EXPECT_EQ(to_rows(made.ids), one.at("ids").get<std::vector<std::vector<int64_t>>>());
    const Tensor expected = at::tensor(one.at("scores").get<std::vector<float>>());
    EXPECT_TRUE(at::allclose(made.scores, expected, /*rtol=*/1e-5, /*atol=*/1e-5))
        << made.scores << expected;
  }
}

TEST(GenerationGolden, BeamsOfABatchEqualThoseOfItsMembers) {
  const auto rows = golden().at("prompts").at("batch").get<std::vector<std::vector<int64_t>>>();
  const Options options{.max_new_tokens = 15,
                        .eos_token_ids = {1},
                        .pad_token_id = 0,
                        .num_beams = 4,
                        .num_return_sequences = 3};
  TableModel model(TableModel::Ties::kBroken);
  const Prompts together = padded(rows);
  const Generated all = generate(model.decoder(), together.ids, together.mask, options);
  for (size_t i = 0; i < rows.size(); ++i) {
    TableModel alone(TableModel::Ties::kBroken);
    const Prompts own = padded({rows[i]});
    const Generated one = generate(alone.decoder(), own.ids, own.mask, options);
    EXPECT_TRUE(at::equal(one.scores, all.scores.narrow(0, static_cast<int64_t>(i) * 3, 3)));
  }
}

/// Counts of texts among as many draws each: chi-square of two samples, rare texts taken together.
TEST(GenerationGolden, SampledBeamsAreAsFrequentAsTransformers) {
  const auto prompt = golden().at("sampled").at("prompt").get<std::vector<int64_t>>();
  const auto times = golden().at("sampled").at("times").get<int64_t>();
  const Prompts prompts =
      padded(std::vector<std::vector<int64_t>>(static_cast<size_t>(times), prompt));
  for (const Json& one : golden().at("sampled_beams")) {
    SCOPED_TRACE(one.at("name").get<std::string>());
    const Options options = read_options({.generation_config = nullptr, .user = one.at("options")});
    TableModel model(TableModel::Ties::kBroken);
    const Generated made = generate(model.decoder(), prompts.ids, prompts.mask, options);
    std::map<std::vector<int64_t>, double> ours;
    for (std::vector<int64_t>& row : to_rows(made.ids)) {
      ours[{row.begin() + static_cast<int64_t>(prompt.size()), row.end()}] += 1;
    }
    double rest_here = static_cast<double>(times), rest_there = rest_here, chi_square = 0;
    int64_t kinds = 0;
    const auto add = [&](double here, double there) {
      if (here + there > 0) chi_square += (here - there) * (here - there) / (here + there), ++kinds;
    };
    for (const Json& text : one.at("texts")) {
      const double there = text[1].get<double>(), here = ours[text[0]];
      if (there < 50) break;  // the most frequent come first
      add(here, there);
      rest_here -= here;
      rest_there -= there;
    }
    add(rest_here, rest_there);
    ASSERT_GE(kinds, 8);
    const auto freedom = static_cast<double>(kinds - 1);
    EXPECT_LT(chi_square, freedom + 3.5 * std::sqrt(2 * freedom)) << kinds << " kinds of texts";
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
