// `inseq attribute` with a model that has an encoder.
#include <filesystem>

#include "io/file.h"
#include "io/tensor_file.h"
#include "program.h"

namespace inseq::test {
namespace {

namespace fs = std::filesystem;

const Words kPair = {"-i", "The dog ate it.", "-g", "Le chien a mangé."};
const Words kFour = {"--generation_kwargs", R"({"max_new_tokens": 4, "num_beams": 1})"};

RunResult translate(const Words& words, const RunOptions& options = {},
                    const std::string& model = "marian_base") {
  return inseq(with({"attribute", "-m", model_folder(model)}, words), options);
}

class Translation : public testing::Test {
 protected:
  AttributionOutput saved(const Words& words, const std::string& model = "marian_base") const {
    const std::string path = folder_ / "out.json";
    const RunResult result = translate(with({"-o", path}, words), {}, model);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return load_attribution(path);
  }

  TemporaryFolder folder_;
};

TEST_F(Translation, IsExplainedBySourceAndTarget) {
  const AttributionOutput both = saved(with(kPair, {"--attribute_target"}));
  const AttributionOutput source = saved(kPair);
  ASSERT_EQ(both.sequences.size(), 1u);
  const SequenceAttribution &a = both.sequences[0], &b = source.sequences[0];
  EXPECT_TRUE(a.target_attributions.defined());
  EXPECT_FALSE(b.target_attributions.defined());
  EXPECT_LE(difference(a.source_attributions, b.source_attributions), 1e-6);
  EXPECT_EQ(a.attr_pos_start, 1);
  EXPECT_EQ(a.attr_pos_end, static_cast<int64_t>(a.target.size()));
  EXPECT_EQ(both.info.at("attribute_target"), true);
  EXPECT_EQ(source.info.at("attribute_target"), false);
}

TEST_F(Translation, HoldsWhatTheLibraryGives) {
  AttributeOptions options;
  options.method = "attention";
  options.attribute_target = true;
  const AttributionOutput expected = AttributionModel::load(model_folder("marian_base"))
                                         .attribute({kPair[1]}, {kPair[3]}, options);
  const AttributionOutput found =
      saved(with(kPair, {"-a", "attention", "--attribute_target", "--hide"}));
  const SequenceAttribution &a = found.sequences[0], &b = expected.sequences[0];
  EXPECT_EQ(a.source, b.source);
  EXPECT_EQ(a.target, b.target);
  EXPECT_EQ(difference(a.source_attributions, b.source_attributions), 0);
  EXPECT_EQ(difference(a.target_attributions, b.target_attributions), 0);
  ASSERT_FALSE(b.sequence_scores.empty());
  for (const auto& [name, scores] : b.sequence_scores)
    EXPECT_EQ(difference(a.sequence_scores.at(name), scores), 0) << name;
}

TEST_F(Translation, IsContinuedFromABeginning) {
  const Words begun = with({"-i", "The dog ate it.", "-g", "Le chien"}, kFour);
  const AttributionOutput given = saved({"-i", "The dog ate it.", "-g", "Le chien"});
  const AttributionOutput continued = saved(with(begun, {"--generate_from_target_prefix"}));
  const std::vector<Token>&as_given = given.sequences[0].target,
        &longer = continued.sequences[0].target;
  ASSERT_GT(longer.size(), as_given.size());
  // All but EOS begin the longer one.
  EXPECT_TRUE(std::equal(as_given.begin(), as_given.end() - 1, longer.begin()));
  EXPECT_TRUE(continued.info.at("generate_from_target_prefix").get<bool>());
  const std::string text = continued.info.at("generated_texts").at(0);
  EXPECT_TRUE(text.starts_with("Le chien")) << text;
}

TEST_F(Translation, OfSeveralTextsIsThatOfEach) {
  const Words inputs = {"The dog ate it.", "She is at home and not in France"};
  const AttributionOutput all = saved(with(with({"-i"}, inputs), kFour));
  ASSERT_EQ(all.sequences.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    const SequenceAttribution one = saved(with({"-i", inputs[i]}, kFour)).sequences[0];
    EXPECT_EQ(one.source, all.sequences[i].source);
    EXPECT_EQ(one.target, all.sequences[i].target);
    EXPECT_LE(difference(one.source_attributions, all.sequences[i].source_attributions), 1e-6);
  }
}

TEST_F(Translation, IntoALanguageBeginsWithIt) {
  const AttributionOutput out = saved(
      with({"-i", "A cat", "--tokenizer_kwargs", R"({"src_lang": "en", "tgt_lang": "es"})"}, kFour),
      "m2m100_base");
  EXPECT_EQ(out.sequences[0].source.front().text, "__en__");
  EXPECT_EQ(out.sequences[0].target.at(1).text, "__es__");
  expect_failure(
      translate({"-i", "A cat", "--tokenizer_kwargs", R"({"tgt_lang": "ess"})"}, {}, "m2m100_base"),
      1, {"ess", "es"});
  // Nothing would come of it: this model has one pair of languages.
  expect_failure(
      translate({"-i", "A cat", "--tokenizer_kwargs", R"({"tgt_lang": "fr"})"}, {}, "marian_base"),
      1, {"\"tgt_lang\" has no effect"});
}

/// The model with two vocabularies, whose target knows the first 40 tokens of its own alone.
void write_with_small_target(const TemporaryFolder& folder) {
  write_model_folder("marian_two", folder.path());
  Json config = Json::parse(io::read_text(folder / "config.json"));
  for (const char* id : {"pad_token_id", "decoder_start_token_id"}) config[id] = 1;
  config["decoder_vocab_size"] = 40;
  io::write_file(folder / "config.json", config.dump());
  fs::remove(folder / "generation_config.json");
  std::string weights;
  {
    const auto file = io::open_safetensors(folder / "model.safetensors");
    std::vector<io::TensorToWrite> tensors;
    for (const io::TensorEntry& entry : file->entries()) {
      tensors.push_back({entry.name, entry.dtype, entry.shape, entry.bytes});
      const bool of_target = entry.name == "model.decoder.embed_tokens.weight";
      if (!of_target && entry.name != "final_logits_bias") continue;
      tensors.back().shape[of_target ? 0 : 1] = 40;
      tensors.back().bytes = entry.bytes.first(*io::byte_size(entry.dtype, tensors.back().shape));
    }
    weights = io::write_safetensors(tensors);
  }
  io::write_file(folder / "model.safetensors", weights);
}

TEST(TranslationInput, MayHaveMoreWordsInTheSourceThanInTheTarget) {
  const TemporaryFolder folder;
  write_with_small_target(folder);
  const auto explain = [&](const std::string& source, const std::string& target) {
    return inseq({"attribute", "-m", folder.path(), "-i", source, "-g", target});
  };
  const RunResult result = explain("Is it", "Le");  // "I" has id 45 in the source's vocabulary
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_failure(explain("Is it", "Le pain ?"), 1, {"the model knows 40 tokens"});
}

TEST(TranslationHeatmap, ShowsSourceAndTarget) {
  const RunResult both = translate(with(kPair, {"--attribute_target"}));
  EXPECT_EQ(both.exit_code, 0) << both.err;
  expect_contains(both.out, "Source");
  expect_contains(both.out, "Target");
  const RunResult source = translate(kPair);
  EXPECT_EQ(source.exit_code, 0) << source.err;
  EXPECT_EQ(source.out.find("Target"), std::string::npos) << source.out;
  EXPECT_EQ(count_of("</s>", source.out), 2u) << source.out;  // a row and a column
  for (const std::string& line : {std::string("saliency of probability"), std::string("mang")})
    expect_contains(source.out, line);
}

TEST(TranslationInput, EmptyOrSpecialSourcesAreTold) {
  for (const char* text : {"", "   ", "</s>", "<pad> </s>"}) {
    expect_failure(translate({"-i", text, "-g", "Le chien"}), 1,
                   {"a source text has no tokens but special ones"});
    expect_failure(translate(with({"-i", text}, kFour)), 1,
                   {"a source text has no tokens but special ones"});
  }
}

TEST(TranslationInput, AnEmptyTargetIsItsEndOfText) {
  const RunResult result = translate({"-i", "The dog", "-g", ""});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_contains(result.out, "</s>");
}

TEST(TranslationInput, LongTextsAreTold) {
  std::string text = "The";
  for (int i = 0; i < 60; ++i) text += " dog";
  expect_failure(translate({"-i", "The dog", "-g", text}, {}, "bart_base"), 1, {"positions", "40"});
  expect_failure(translate({"-i", text, "-g", "Le chien"}, {}, "bart_base"), 1,
                 {"a source text has", "40", "positions"});
  expect_failure(translate({"-i", text, "-g", "Le chien"}, {}, "led_base"), 1,
                 {"a source text has", "21", "positions"});
  expect_failure(translate({"-i", "The dog", "--generation_kwargs", R"({"max_new_tokens": 60})"},
                           {}, "bart_base"),
                 1, {"positions", "40"});
  // Relative positions have no end.
  EXPECT_EQ(translate({"-i", text, "-g", text}, {}, "t5_base").exit_code, 0);
}

TEST(TranslationInput, MissingPiecesAreTold) {
  const TemporaryFolder folder;
  write_model_folder("marian_base", folder.path());
  for (const char* file : {"target.spm", "source.spm", "vocab.json"}) {
    const std::string content = io::read_text(folder / file);
    fs::remove(folder / file);
    expect_failure(inseq(with({"attribute", "-m", folder.path()}, kPair)), 1, {file});
    io::write_file(folder / file, content.substr(0, content.size() / 2));
    expect_failure(inseq(with({"attribute", "-m", folder.path()}, kPair)), 1, {file});
    io::write_file(folder / file, content);
  }
  EXPECT_EQ(inseq(with({"attribute", "-m", folder.path()}, kPair)).exit_code, 0);
}

TEST(TranslationInput, PositionsOfTheTarget) {
  EXPECT_EQ(translate(with(kPair, {"-s", "3", "-e", "5"})).exit_code, 0);
  expect_failure(translate(with(kPair, {"-s", "99"})), 1, {"attr_pos_start 99", "past the end"});
  expect_failure(translate(with(kPair, {"-e", "1"})), 1, {"nothing to explain"});
}

}  // namespace
}  // namespace inseq::test
