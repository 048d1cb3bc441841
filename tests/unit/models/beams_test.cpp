// Agreement of generation with transformers for models with an encoder: see make_beams.py.
#include <gtest/gtest.h>

#include "generation/generation.h"
#include "unit/models/model_folder.h"

namespace inseq::models {
namespace {

using Rows = std::vector<std::vector<int64_t>>;

/// Texts and what make_beams.py made of them.
struct Case {
  generation::Prompt prompt;
  generation::Options options;
  Rows ids;
  std::vector<float> scores;  // empty without beams
};

generation::Prompt prompt_of(const Rows& sources, const std::vector<int64_t>& start, int64_t pad) {
  size_t longest = 0;
  for (const auto& row : sources) longest = std::max(longest, row.size());
  std::vector<Tensor> ids, masks;
  for (std::vector<int64_t> row : sources) {
    std::vector<int64_t> mask(row.size(), 1);
    row.resize(longest, pad);
    mask.resize(longest, 0);
    ids.push_back(at::tensor(row, at::kLong));
    masks.push_back(at::tensor(mask, at::kLong));
  }
  const auto batch = static_cast<int64_t>(sources.size());
  const Tensor prompt = at::tensor(start, at::kLong).expand({batch, -1}).contiguous();
  return {prompt, at::ones_like(prompt), at::stack(ids), at::stack(masks)};
}

Case read_case(const Json& json, const Rows& sources) {
  Json user = json.at("options");
  const auto prefix = user.value("prefix", std::vector<int64_t>());
  user.erase("prefix");
  Case out;
  out.options = generation::read_options({.generation_config = json.at("file"), .user = user});
  out.prompt = prompt_of(sources, generation::decoder_prompt(out.options, prefix),
                         out.options.pad_token_id.value_or(0));
  out.ids = json.at("ids").get<Rows>();
  if (!json.at("scores").is_null()) out.scores = json.at("scores").get<std::vector<float>>();
  return out;
}

Rows rows_of(const Tensor& ids) {
  Rows rows;
  for (int64_t i = 0; i < ids.size(0); ++i) {
    const Tensor row = ids[i].contiguous();
    rows.emplace_back(row.const_data_ptr<int64_t>(), row.const_data_ptr<int64_t>() + row.numel());
  }
  return rows;
}

TEST(Beams, TextsAndScoresOfModelsWithAnEncoderEqualTransformers) {
  const Json data = read_json("data/beams.json");
  const Rows sources = data.at("sources").get<Rows>();
  ASSERT_GE(data.at("cases").size(), 40u);
  for (const Json& json : data.at("cases")) {
    SCOPED_TRACE(json.at("model").get<std::string>() + " " + json.at("options").dump());
    const ModelFolder folder(json.at("model").get<std::string>());
    folder.write();
    const auto model = folder.load();
    const Case one = read_case(json, sources);
    const generation::Generated made = generation::generate(*model, one.prompt, one.options);
    EXPECT_EQ(rows_of(made.ids), one.ids);
    if (one.scores.empty()) continue;
    EXPECT_TRUE(at::allclose(made.scores, at::tensor(one.scores), /*rtol=*/1e-4, /*atol=*/1e-5))
        << made.scores << at::tensor(one.scores);
  }
}

TEST(Beams, EveryTextIsAsItIsAlone) {
  const Json data = read_json("data/beams.json");
  const Rows sources = data.at("sources").get<Rows>();
  const ModelFolder folder("marian");
  folder.write();
  const auto model = folder.load({.dtype = at::kDouble});
  const Case all = read_case(data.at("cases").at(2), sources);
  const int64_t returned = all.options.num_return_sequences;
  const Tensor together = generation::generate(*model, all.prompt, all.options).scores;
  for (size_t i = 0; i < sources.size(); ++i) {
    const Case one = read_case(data.at("cases").at(2), {sources[i]});
    const Tensor alone = generation::generate(*model, one.prompt, one.options).scores;
    EXPECT_TRUE(at::allclose(
        alone, together.narrow(0, static_cast<int64_t>(i) * returned, returned), 1e-6, 1e-6));
  }
}

}  // namespace
}  // namespace inseq::models
