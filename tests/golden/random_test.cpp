// Random methods: their mean over many seeds is Inseq's within the errors of both.
#include <gtest/gtest.h>

#include <map>

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
    } else if (key == "attribute_target") {
      options.attribute_target = value.get<bool>();
    } else if (key != "input_texts" && key != "generated_texts") {
      options.attribution_args[key] = value;
    }
  }
  if (golden.contains("load_arguments"))
    options.attribution_args.update(golden.at("load_arguments"));
  if (golden.value("uniform_sampler", false)) options.attribution_args["sampler"] = "uniform";
  return options;
}

/// Means and standard errors of one side over many seeds.
class Mean {
 public:
  void add(const Tensor& scores) {
    const Tensor x = scores.to(at::kDouble);
    sum_ = sum_.defined() ? sum_ + x : x;
    squares_ = squares_.defined() ? squares_ + x.square() : x.square();
    ++count_;
  }
  Tensor mean() const { return sum_ / count_; }
  Tensor error() const {
    return ((squares_ / count_ - mean().square()).clamp_min(0) / (count_ - 1)).sqrt();
  }

 private:
  Tensor sum_, squares_;  // [tokens, steps, ...]
  int count_ = 0;
};

void expect_same_mean(const Mean& found, const Tensor& mean, const Tensor& error) {
  ASSERT_EQ(found.mean().sizes(), mean.sizes());
  ASSERT_TRUE(found.mean().isnan().equal(mean.isnan()));
  const Tensor seen = mean.isfinite();
  const Tensor combined = (error.square() + found.error().square()).sqrt().masked_select(seen);
  const Tensor difference = (found.mean() - mean).masked_select(seen);
  // Scores whose spread is only rounding say nothing.
  const Tensor z = difference / combined.clamp_min(1e-6 * mean.masked_select(seen).abs().max());
  EXPECT_LT(z.abs().max().item<double>(), 6);
  EXPECT_LT(z.square().mean().item<double>(), 2.0);
  EXPECT_GT(z.square().mean().item<double>(), 0.05);  // the errors are not merely large
}

class Random : public testing::TestWithParam<std::string> {};

TEST_P(Random, HasTheMeanOfInseq) {
  const Json golden = read_golden_json("random/cases/" + GetParam() + ".json");
  const auto tensors = read_golden_tensors("random/" + GetParam() + ".safetensors");
  const TemporaryFolder folder;
  write_model_folder(golden.at("model").get<std::string>(), folder.path());
  const AttributionModel model = AttributionModel::load(folder.path());
  AttributeOptions options = options_of(golden);
  std::map<std::string, Mean> found;
  for (int seed = 0; seed < golden.at("seeds").get<int>(); ++seed) {
    options.attribution_args["seed"] = seed;
    const SequenceAttribution one =
        model
            .attribute({golden.at("arguments").at("input_texts").get<std::string>()},
                       {golden.at("arguments").at("generated_texts").get<std::string>()}, options)
            .sequences[0];
    if (one.source_attributions.defined()) found["source"].add(one.source_attributions);
    if (one.target_attributions.defined()) found["target"].add(one.target_attributions);
  }
  ASSERT_EQ(2 * found.size(), tensors.size());
  for (const auto& [side, mean] : found) {
    SCOPED_TRACE(golden.at("about").get<std::string>() + " " + side);
    expect_same_mean(mean, tensors.at(side + ".mean").to(at::kDouble),
                     tensors.at(side + ".error").to(at::kDouble));
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Random, testing::ValuesIn(golden_names("random/cases")),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace inseq::test
