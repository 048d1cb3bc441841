// With --device cuda everything is computed on the device, and comes out as on the CPU. The device
// is the stand-in of stand_in.cpp.
#include <gtest/gtest.h>

#include "inseq/attribution_model.h"
#include "inseq/error.h"
#include "stand_in.h"
#include "support/few_repetitions.h"
#include "support/tiny_folder.h"

namespace inseq::test {
namespace {

void expect_near(const Tensor& cpu, const Tensor& gpu, const std::string& what) {
  ASSERT_EQ(cpu.defined(), gpu.defined()) << what;
  if (!cpu.defined()) return;
  ASSERT_TRUE(gpu.is_cpu()) << what;
  EXPECT_LE(difference(cpu, gpu), 1e-6 * largest(cpu)) << what;
}

class OnCuda : public testing::TestWithParam<std::string> {
 protected:
  AttributeOptions options(const std::string& method) const {
    AttributeOptions options;
    options.method = method;
    for (const Listed& function : list_step_functions())
      options.step_scores.push_back(function.name);
    options.attribution_args = few_repetitions(method);
    options.attribute_target = cpu_.is_encoder_decoder();
    return options;
  }
  void expect_the_same(const AttributeOptions& options) const {
    AttributionOutput cpu;
    try {
      cpu = cpu_.attribute(texts_, generated_, options);
    } catch (const Unsupported&) {
      EXPECT_THROW(gpu_.attribute(texts_, generated_, options), Unsupported);
      return;
    }
    const AttributionOutput gpu = gpu_.attribute(texts_, generated_, options);
    for (size_t i = 0; i < texts_.size(); ++i) {
      const SequenceAttribution &a = cpu.sequences[i], &b = gpu.sequences[i];
      const std::string what = concat(options.method, " (", options.engine, ") of text ", i);
      expect_near(a.source_attributions, b.source_attributions, concat(what, ", source"));
      expect_near(a.target_attributions, b.target_attributions, concat(what, ", target"));
      for (const auto& [name, scores] : a.step_scores)
        expect_near(scores, b.step_scores.at(name), concat(what, ", ", name));
    }
  }
  const AttributionModel cpu_ = load_tiny(GetParam()),
                         gpu_ = load_tiny(GetParam(), "float64", "cuda");
  const std::vector<std::string> texts_ = {"The dog ate it.", "A cat"};
  const std::vector<std::string> generated_ =
      cpu_.is_encoder_decoder()
          ? std::vector<std::string>{"Le chien a mangé.", "Le chien"}
          : std::vector<std::string>{"The dog ate it. The", "A cat ate the food"};
};

TEST_P(OnCuda, ScoresAreThoseOfTheCpu) {
  const size_t before = operations_on_gpu();
  for (const char* method : {"saliency", "attention", "occlusion"})
    expect_the_same(options(method));
  AttributeOptions reference = options("saliency");
  reference.engine = "autograd";
  expect_the_same(reference);
  EXPECT_GT(operations_on_gpu(), before + 1000);
}

TEST_P(OnCuda, GenerationGivesTheSameTexts) {
  const Json usual = {{"max_new_tokens", 6},
                      {"min_new_tokens", 3},
                      {"repetition_penalty", 1.3},
                      {"no_repeat_ngram_size", 2}};
  for (const Json& more :
       {Json::object(), Json{{"num_beams", 3}},
        Json{{"do_sample", true}, {"seed", 5}, {"top_k", 20}, {"top_p", 0.9}, {"temperature", 0.7}},
        Json{{"do_sample", true}, {"seed", 5}, {"num_beams", 2}}}) {
    Json arguments = usual;
    arguments.update(more);
    EXPECT_EQ(gpu_.generate(texts_, arguments), cpu_.generate(texts_, arguments)) << arguments;
  }
}

TEST_P(OnCuda, HalfPrecisionRuns) {
  for (const char* dtype : {"bfloat16", "float16"}) {
    const AttributionModel model = load_tiny(GetParam(), dtype, "cuda");
    for (const char* method : {"saliency", "attention", "occlusion"}) {
      const AttributionOutput out = model.attribute(texts_, generated_, options(method));
      EXPECT_TRUE(out.sequences[0].step_scores.at("probability").isfinite().all().item<bool>());
    }
  }
}

std::string own_name(const testing::TestParamInfo<std::string>& info) { return info.param; }
INSTANTIATE_TEST_SUITE_P(Models, OnCuda, testing::ValuesIn(tiny_model_names()), own_name);

class MethodsOnCuda : public OnCuda {};

TEST_P(MethodsOnCuda, AllGiveWhatTheyGiveOnTheCpu) {
  for (const Listed& method : list_methods()) expect_the_same(options(method.name));
}

INSTANTIATE_TEST_SUITE_P(Families, MethodsOnCuda,
                         testing::Values("llama_odd", "gpt2_relu", "marian_base", "t5_gated",
                                         "nllb_moe"),
                         own_name);

TEST(Cuda, MemoryIsThatOfTheDevice) {
  const AttributionModel model = load_tiny("llama_base", "float64", "cuda");
  set_free_gpu_memory(1000);
  try {
    model.attribute({"The dog"}, {"The dog ate"}, AttributeOptions());
    ADD_FAILURE() << "1000 bytes should not have sufficed";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("the limit is 700 bytes"), std::string::npos)
        << error.what();
  }
  set_free_gpu_memory(size_t{4} << 30);
  EXPECT_NO_THROW(model.attribute({"The dog"}, {"The dog ate"}, AttributeOptions()));
}

TEST(Cuda, OtherDevicesAreNamed) {
  EXPECT_THROW(load_tiny("llama_base", "float64", "cuda:1"), InvalidArgument);
  EXPECT_THROW(load_tiny("llama_base", "float64", "gpu"), InvalidOption);
  EXPECT_NO_THROW(load_tiny("llama_base", "float64", "cuda:0"));
}

}  // namespace
}  // namespace inseq::test
