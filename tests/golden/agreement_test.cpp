// Agreement with Python Inseq: every case of cases/ is run here and compared with expected/.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "generation/generation.h"
#include "inseq/attribution_model.h"
#include "io/model_location.h"
#include "models/stack/architecture.h"
#include "models/stack/language_model.h"
#include "support/formula_model.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

namespace inseq::test {
namespace {

/// The options that Inseq's arguments mean. `unknown` receives those that we do not have.
AttributeOptions options_of(const GoldenCase& golden, std::vector<std::string>& unknown) {
  AttributeOptions options;
  options.method = golden.method;
  for (const auto& [key, value] : golden.arguments.items()) {
    if (key == "attributed_fn") {
      options.attributed_fn = value.get<std::string>();
    } else if (key == "step_scores") {
      options.step_scores = value.get<std::vector<std::string>>();
    } else if (key == "attr_pos_start") {
      options.attr_pos_start = value.get<int64_t>();
    } else if (key == "attr_pos_end") {
      options.attr_pos_end = value.get<int64_t>();
    } else if (key == "attribute_target") {
      options.attribute_target = value.get<bool>();
    } else if (key == "generate_from_target_prefix") {
      options.generate_from_target_prefix = value.get<bool>();
    } else if (key == "output_step_attributions") {
      options.output_step_attributions = value.get<bool>();
    } else if (key == "skip_special_tokens") {
      options.skip_special_tokens = value.get<bool>();
    } else if (key == "clean_special_chars") {
      options.clean_special_chars = value.get<bool>();
    } else if (key == "batch_size") {
      options.batch_size = value.get<int64_t>();
    } else if (key == "generation_args") {
      options.generation_args = value;
      options.generation_args.erase(
          "skip_special_tokens");  // Inseq needs it where texts begin with <s>
    } else if (key == "include_eos_baseline") {
      options.include_eos_baseline = value.get<bool>();
    } else if (key == "attribution_args") {
      options.attribution_args.update(value);
    } else if (key == "logprob" || key == "abs") {
      options.attribution_args[key] = value;
    } else {
      unknown.push_back(key);
    }
  }
  return options;
}

AttributionOutput attribute(const AttributionModel& model, const GoldenCase& golden,
                            const AttributeOptions& options) {
  if (golden.generated_texts)
    return model.attribute(golden.input_texts, *golden.generated_texts, options);
  return model.attribute(golden.input_texts, options);
}

class Agreement : public testing::TestWithParam<std::string> {
 protected:
  /// The model of a case; nullopt, with the test skipped, when it is the default one and that was
  /// not fetched.
  std::optional<AttributionModel> load(const GoldenCase& golden) {
    if (golden.model == "default") {
      if (!std::filesystem::exists(io::default_model_path())) return std::nullopt;
      return AttributionModel::load(io::default_model_path());
    }
    LoadOptions options;
    options.tokenizer_kwargs = golden.load.value("tokenizer_kwargs", Json::object());
    if (golden.model.starts_with("demo:")) return AttributionModel::load(golden.model, options);
    write_model_folder(golden.model, folder_.path());
    return AttributionModel::load(folder_.path(), options);
  }

  /// Where `load` found the model.
  std::string place_of(const GoldenCase& golden) const {
    if (golden.model.starts_with("demo:")) return io::locate_model(golden.model).path;
    return golden.model == "default" ? io::default_model_path() : folder_.path();
  }

 private:
  TemporaryFolder folder_;
};

/// Beams of a model with an encoder: their ids, and their scores to 1e-5.
void expect_beams(const std::string& folder, const Json& generation_args,
                  const GoldenText& expected) {
  const models::ModelFiles files = models::open_model_files(folder, /*is_gguf=*/false);
  const auto model = models::build_model(files, {});
  generation::Options options =
      generation::read_options({.generation_config = files.generation_config,
                                .user = generation_args,
                                .model_config = files.config.json()});
  options.max_positions = model->sizes().max_positions;
  const auto row = [](const std::vector<int64_t>& ids) {
    return at::tensor(ids, at::kLong).unsqueeze(0);
  };
  const Tensor source = row(expected.source), start = row(generation::decoder_prompt(options));
  const at::NoGradGuard no_grad;
  const generation::Generated made = generation::generate(
      *model, {start, at::ones_like(start), source, at::ones_like(source)}, options);
  EXPECT_TRUE(at::equal(made.ids, row(expected.ids))) << expected.text;
  EXPECT_NEAR(made.scores.item<double>(), *expected.score, 1e-5 * (1 + std::abs(*expected.score)))
      << expected.text;
}

void expect_generation(const AttributionModel& model, const std::string& folder,
                       const GoldenCase& golden, const GoldenAnswer& expected) {
  ASSERT_EQ(golden.input_texts.size(), expected.generated.size());
  for (size_t i = 0; i < golden.input_texts.size(); ++i) {
    const auto texts =
        model.generate({golden.input_texts[i]}, golden.arguments.at("generation_args"));
    ASSERT_EQ(texts.size(), 1u);
    if (model.is_encoder_decoder()) {
      EXPECT_EQ(texts[0], expected.generated[i].text);
      if (expected.generated[i].score) {
        expect_beams(folder, golden.arguments.at("generation_args"), expected.generated[i]);
      }
      continue;
    }
    // Inseq keeps a BOS token in front of the text (docs/parity.md).
    const size_t bos = expected.generated[i].text.find(golden.input_texts[i]);
    ASSERT_NE(bos, std::string::npos);
    EXPECT_EQ(texts[0], expected.generated[i].text.substr(bos));
  }
}

TEST_P(Agreement, WithInseq) {
  const GoldenCase golden = read_golden_case(GetParam());
  const GoldenAnswer expected = read_golden_answer(golden);
  const std::optional<AttributionModel> model = load(golden);
  if (!model) GTEST_SKIP() << "the default model is not in " << io::default_model_path();
  if (golden.task == "generate") {
    return expect_generation(*model, place_of(golden), golden, expected);
  }
  std::vector<std::string> unknown;
  const AttributeOptions options = options_of(golden, unknown);
  if (!unknown.empty()) GTEST_SKIP() << "no such option yet: " << unknown.front();
  const AttributionOutput found = attribute(*model, golden, options);
  for (const std::string& problem : differences(found, expected, golden.bound)) {
    ADD_FAILURE() << golden.about << '\n' << problem;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Agreement, testing::ValuesIn(golden_case_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace inseq::test
