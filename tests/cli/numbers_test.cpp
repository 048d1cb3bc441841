// The numbers that `inseq attribute` saves do not depend on how they were computed.
#include <filesystem>

#include "io/model_location.h"
#include "program.h"

namespace inseq::test {
namespace {

class Numbers : public testing::Test {
 protected:
  /// What `inseq attribute -m <model>` saves.
  AttributionOutput saved(const std::string& model, const Words& words) const {
    const std::string path = folder_ / "out.json";
    const RunResult result =
        inseq(with({"attribute", "-m", model_folder(model), "--hide", "-o", path}, words));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return load_attribution(path);
  }

  TemporaryFolder folder_;
};

double largest_of(const Tensor& tensor) { return tensor.nan_to_num(0).abs().max().item<double>(); }

/// max |a - b| / max |b|.
double relative_difference(const Tensor& a, const Tensor& b) {
  return difference(a, b) / largest_of(b);
}

TEST_F(Numbers, AutogradGivesWhatPullbackGives) {
  for (const char* model : {"llama_base", "gpt2_base"}) {
    for (const char* method : {"saliency", "input_x_gradient"}) {
      const Words words = with(kTexts, {"-a", method, "--step_scores", "entropy"});
      const SequenceAttribution fast = saved(model, words).sequences[0];
      const SequenceAttribution slow =
          saved(model, with(words, {"--engine", "autograd"})).sequences[0];
      EXPECT_LE(relative_difference(fast.target_attributions, slow.target_attributions), 1e-5)
          << model << method;
      EXPECT_LE(relative_difference(fast.step_scores.at("entropy"), slow.step_scores.at("entropy")),
                1e-5);
    }
  }
}

TEST_F(Numbers, SeveralTextsGiveWhatEachGives) {
  const Words inputs = {"The dog", "A", "The cat ate the food of"},
              five = {"--generation_kwargs", R"({"max_new_tokens": 5})"};
  for (const char* model : {"llama_base", "gpt2_base"}) {
    for (const char* size : {"8", "2", "1"}) {
      const AttributionOutput all = saved(model, with(with({"-bs", size, "-i"}, inputs), five));
      ASSERT_EQ(all.sequences.size(), inputs.size());
      for (size_t i = 0; i < inputs.size(); ++i) {
        const AttributionOutput one = saved(model, with({"-i", inputs[i]}, five));
        EXPECT_EQ(one.sequences[0].target, all.sequences[i].target) << model << ' ' << inputs[i];
        EXPECT_EQ(
            difference(one.sequences[0].target_attributions, all.sequences[i].target_attributions),
            0);
      }
    }
  }
}

TEST_F(Numbers, DtypeIsTheSameFromEveryOption) {
  const Tensor exact =
      saved("llama_base", with(kTexts, {"--dtype", "float64"})).sequences[0].target_attributions;
  const Tensor single = saved("llama_base", kTexts).sequences[0].target_attributions;
  const Tensor half =
      saved("llama_base", with(kTexts, {"--dtype", "bfloat16"})).sequences[0].target_attributions;
  EXPECT_LE(relative_difference(single, exact), 1e-5);
  EXPECT_GT(relative_difference(half, exact), 1e-5);  // it really computes in bfloat16
  EXPECT_LE(relative_difference(half, exact), 0.2);
  for (const char* kwargs : {R"({"dtype": "bfloat16"})", R"({"torch_dtype": "bfloat16"})",
                             R"({"dtype": "torch.bfloat16"})"}) {
    EXPECT_EQ(difference(saved("llama_base", with(kTexts, {"--model_kwargs", kwargs}))
                             .sequences[0]
                             .target_attributions,
                         half),
              0)
        << kwargs;
  }
  const Tensor automatic =
      saved("llama_base", with(kTexts, {"--dtype", "auto"})).sequences[0].target_attributions;
  EXPECT_EQ(difference(automatic, single), 0);  // the checkpoint is in float32
  expect_failure(attribute(with(kTexts, {"--model_kwargs", R"({"dtype": 3})"})), 2,
                 {"\"dtype\"", "3"});
}

TEST_F(Numbers, ThreadsChangeNothing) {
  const Tensor one =
      saved("gpt2_base", with(kTexts, {"--threads", "1"})).sequences[0].target_attributions;
  const Tensor four =
      saved("gpt2_base", with(kTexts, {"--threads", "4"})).sequences[0].target_attributions;
  EXPECT_LE(relative_difference(one, four), 1e-6);
}

TEST_F(Numbers, InfoSaysWhatWasDone) {
  const Json info =
      saved("llama_base", with(kTexts, {"-fn", "logit", "--step_scores", "entropy"})).info;
  EXPECT_EQ(info.at("attribution_method"), "saliency");
  EXPECT_EQ(info.at("attributed_fn"), "logit_fn");
  EXPECT_EQ(info.at("step_scores"), Json({"entropy"}));
  EXPECT_EQ(info.at("input_texts"), Json({kTexts[1]}));
  EXPECT_EQ(info.at("generated_texts"), Json({kTexts[3]}));
  EXPECT_EQ(info.at("constrained_decoding"), true);
}

TEST(DefaultModel, Explains) {
  if (!std::filesystem::exists(io::default_model_path()))
    GTEST_SKIP() << "the default model was not fetched";
  const RunResult result = inseq({"attribute", "-i", "The capital of France is",
                                  "--generation_kwargs", R"({"max_new_tokens": 2})"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_contains(result.out, "SmolLM2-135M-Instruct");
  expect_contains(result.out, "Paris");
}

TEST(DefaultModel, WhereItIsMissingSaysHowToGetIt) {
  const TemporaryFolder empty;
  RunOptions options;
  options.environment = {{"XDG_CACHE_HOME", empty.path()}, {"HOME", empty.path()}};
  expect_failure(inseq({"attribute", "-i", "a"}, options), 1,
                 {"default model", "./dev setup", "--model_name_or_path"});
}

}  // namespace
}  // namespace inseq::test
