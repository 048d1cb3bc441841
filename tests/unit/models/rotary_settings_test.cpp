// How configurations become rotary frequencies: see make_rotary.py.
#include "models/stack/rotary_settings.h"

#include <gtest/gtest.h>

#include "inseq/error.h"
#include "unit/models/model_folder.h"

namespace inseq::models {
namespace {

constexpr int64_t kRotary = 16;  // units of a head in rotary.json

double difference(const Tensor& found, const Tensor& expected) {
  return ((found - expected).abs().max() / expected.abs().max()).item<double>();
}

std::unique_ptr<nn::RotaryFrequencies> read(const Json& config) {
  return read_rotary(Config(config, "config.json"), kRotary);
}

TEST(RotarySettings, FrequenciesAreThoseOfTransformers) {
  const Json data = read_json("data/rotary.json");
  for (const auto& [name, expected] : data.at("cases").items()) {
    SCOPED_TRACE(name);
    const auto frequencies = read(expected.at("config"));
    EXPECT_NEAR(frequencies->magnitude(), expected.at("magnitude").get<double>(), 1e-12);
    for (size_t i = 0; i < data.at("lengths").size(); ++i) {
      const auto inverse = expected.at("inverse").at(i).get<std::vector<double>>();
      const Tensor found = frequencies->inverse(data.at("lengths").at(i).get<int64_t>());
      // Each frequency by itself: the small ones matter as much.
      EXPECT_LE(
          (found.to(at::kDouble) / at::tensor(inverse, at::kDouble) - 1).abs().max().item<double>(),
          1e-5)
          << data.at("lengths").at(i);
    }
  }
}

TEST(RotarySettings, MagnitudesScaleCosinesSinesAndPullbacks) {
  const auto plain = read({});
  const auto grown = nn::yarn_frequencies(kRotary, 10000.0, {.factor = 1.0, .magnitude = 1.5});
  const Tensor positions = at::arange(5);
  const nn::RotaryTable a = plain->table(positions, 5, at::kDouble),
                        b = grown->table(positions, 5, at::kDouble);
  EXPECT_LE(difference(b.cos, a.cos * 1.5), 1e-6);
  const Tensor x = at::randn({1, 2, 5, kRotary}, at::kDouble), y = at::randn_like(x);
  EXPECT_NEAR((nn::rotate(x, b) * y).sum().item<double>(),
              (x * nn::rotate_back(y, b)).sum().item<double>(), 1e-10);
}

TEST(RotarySettings, LongRopeHasARegimeForLongTexts) {
  const Json cases = read_json("data/rotary.json").at("cases");
  const auto frequencies = read(cases.at("longrope").at("config"));
  EXPECT_EQ(frequencies->regime(1), frequencies->regime(16));
  EXPECT_NE(frequencies->regime(16), frequencies->regime(17));
  EXPECT_EQ(frequencies->regime(17), frequencies->regime(100));
}

TEST(RotarySettings, GgufFactorsGiveTheLogitsOfTheOriginal) {
  const auto model =
      build_model(open_model_files(data_path("data/rope_freqs.gguf"), /*is_gguf=*/true), {});
  const auto expected = io::open_safetensors(data_path("data/rope_freqs.safetensors"));
  const Tensor ids = read_tensor(*expected, "ids").to(at::kLong).unsqueeze(0);
  const auto pass = model->forward(model->embed({Tensor(), ids}), {});
  const Tensor logits = model->logits(pass->final_hidden)[0];
  EXPECT_LE(difference(logits, read_tensor(*expected, "logits")), 1e-5);
}

void expect_refused(const Json& scaling, const std::string& part) {
  try {
    read({{"max_position_embeddings", 64}, {"rope_scaling", scaling}});
    FAIL() << scaling.dump();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    EXPECT_TRUE(std::string(error.what()).starts_with("config.json: rope_scaling")) << error.what();
  }
}

TEST(RotarySettings, WrongOnesAreRefused) {
  const std::vector<double> eight(8, 1.0), seven(7, 1.0);
  expect_refused({{"rope_type", "spiral"}, {"factor", 2}}, "\"spiral\" is not supported");
  expect_refused({{"rope_type", "linear"}}, "\"factor\" is missing");
  expect_refused({{"rope_type", "linear"}, {"factor", 0}}, "\"factor\" is 0");
  expect_refused({{"rope_type", "dynamic"}, {"factor", -2}}, "\"factor\" is -2");
  expect_refused({{"rope_type", "llama3"},
                  {"factor", 8},
                  {"low_freq_factor", 4},
                  {"high_freq_factor", 1},
                  {"original_max_position_embeddings", 16}},
                 "must satisfy 0 < low < high");
  expect_refused({{"rope_type", "yarn"}, {"factor", 2}, {"rope_theta", 1.0}}, "rope_theta is 1");
  expect_refused({{"rope_type", "yarn"}, {"factor", 2}, {"beta_fast", -1}}, "\"beta_fast\" is -1");
  expect_refused({{"rope_type", "longrope"}, {"short_factor", eight}}, "\"long_factor\" must be");
  expect_refused({{"rope_type", "longrope"}, {"short_factor", seven}, {"long_factor", eight}},
                 "\"short_factor\" must be a list of 8 numbers");
  expect_refused({{"rope_type", "factors"}, {"factors", {1, 1, 1, 1, 1, 1, 1, 0}}}, "holds 0");
  expect_refused({{"rope_type", "factors"}, {"factors", {1, 1, 1, 1, 1, 1, 1, "x"}}},
                 "holds \"x\"");
}

}  // namespace
}  // namespace inseq::models
