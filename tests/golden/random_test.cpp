// Random methods: their mean over many seeds is Inseq's within the errors of both.
#include <gtest/gtest.h>

#include "inseq/attribution_model.h"
#include "support/formula_model.h"
#include "support/golden.h"
#include "support/golden_folder.h"
#include "support/temporary_folder.h"

namespace inseq::test {
namespace {

AttributeOptions options_of(const Json& golden) {
  AttributeOptions options;
  options.method = golden.at("method").get<std::string>();
  for (const auto& [key, value] : golden.at("arguments").items()) {
    if (key == "attributed_fn") {
      options.attributed_fn = value.get<std::string>();
    } else if (key != "input_texts" && key != "generated_texts") {
      options.attribution_args[key] = value;
    }
  }
  if (golden.contains("load_arguments"))
    options.attribution_args.update(golden.at("load_arguments"));
  if (golden.value("uniform_sampler", false)) options.attribution_args["sampler"] = "uniform";
  return options;
}

class Random : public testing::TestWithParam<std::string> {};

TEST_P(Random, HasTheMeanOfInseq) {
  const Json golden = read_golden_json("random/cases/" + GetParam() + ".json");
  const auto tensors = read_golden_tensors("random/" + GetParam() + ".safetensors");
  const Tensor mean = tensors.at("mean").to(at::kDouble),
               error = tensors.at("error").to(at::kDouble);
  const TemporaryFolder folder;
  write_model_folder(golden.at("model").get<std::string>(), folder.path());
  const AttributionModel model = AttributionModel::load(folder.path());
  AttributeOptions options = options_of(golden);
  const int seeds = golden.at("seeds").get<int>();
  Tensor sum = at::zeros_like(mean), squares = at::zeros_like(mean);
  for (int seed = 0; seed < seeds; ++seed) {
    options.attribution_args["seed"] = seed;
    const Tensor found =
        model
            .attribute({golden.at("arguments").at("input_texts").get<std::string>()},
                       {golden.at("arguments").at("generated_texts").get<std::string>()}, options)
            .sequences[0]
            .target_attributions.to(at::kDouble);
    ASSERT_EQ(found.sizes(), mean.sizes());
    ASSERT_TRUE(found.isnan().equal(mean.isnan()));
    sum += found;
    squares += found.square();
  }
  const Tensor own = sum / seeds;
  const Tensor own_error = ((squares / seeds - own.square()).clamp_min(0) / (seeds - 1)).sqrt();
  const Tensor seen = mean.isfinite();
  const Tensor combined = (error.square() + own_error.square()).sqrt().masked_select(seen);
  const Tensor difference = (own - mean).masked_select(seen);
  // Scores whose spread is only rounding say nothing.
  const Tensor z = difference / combined.clamp_min(1e-6 * mean.masked_select(seen).abs().max());
  EXPECT_LT(z.abs().max().item<double>(), 6) << golden.at("about");
  EXPECT_LT(z.square().mean().item<double>(), 2.0);
  EXPECT_GT(z.square().mean().item<double>(), 0.05);  // the errors are not merely large
}

INSTANTIATE_TEST_SUITE_P(Cases, Random, testing::ValuesIn(golden_names("random/cases")),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace inseq::test
