// Which texts and positions can be explained, and what is said of others.
#include "io/file.h"
#include "program.h"

namespace inseq::test {
namespace {

constexpr const char* kThree = R"({"max_new_tokens": 3})";

/// `count` words, about as many tokens.
std::string long_text(int count) {
  std::string text = "The";
  for (int i = 1; i < count; ++i) text += " dog";
  return text;
}

TEST(Texts, EmptyTextBeginsWithBos) {
  const RunResult result = attribute({"-i", "", "-g", "The dog"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_contains(result.out, "<s>");
  EXPECT_EQ(attribute({"-i", "", "--generation_kwargs", kThree}).exit_code, 0);
}

TEST(Texts, GeneratedTextBeginsWithItsInput) {
  expect_failure(attribute({"-i", "The dog", "-g", "A dog ran"}), 1,
                 {"must begin with its input", "\"A dog ran\"", "\"The dog\""});
  expect_failure(attribute({"-i", "a\nb", "-g", "c\nd"}), 1,
                 {"must begin with its input", "\"c", "\"a"});
  expect_failure(attribute({"-i", "The dog", "-g", "The dog"}), 1, {"nothing to explain"});
}

/// A tokenizer of whole words: spaces are not given back as they were, unknown words not at all.
TEST(Texts, ContinuedTextIsGivenBackByTheTokenizer) {
  const TemporaryFolder folder;
  write_model_folder("llama_base", folder.path());
  Json words = {{"<s>", 0}, {"</s>", 1}, {"<pad>", 2}, {"<unk>", 3}};
  for (int id = 4; id < 361; ++id) words["w" + std::to_string(id)] = id;
  io::write_file(folder.path() + "/tokenizer.json",
                 Json{{"version", "1.0"},
                      {"added_tokens", Json::array()},
                      {"pre_tokenizer", {{"type", "Whitespace"}}},
                      {"model", {{"type", "WordLevel"}, {"vocab", words}, {"unk_token", "<unk>"}}}}
                     .dump());
  io::write_file(folder.path() + "/tokenizer_config.json",
                 Json{{"tokenizer_class", "PreTrainedTokenizerFast"},
                      {"bos_token", "<s>"},
                      {"eos_token", "</s>"},
                      {"pad_token", "<pad>"},
                      {"unk_token", "<unk>"}}
                     .dump());
  const Words model = {"attribute", "-m", folder.path(), "--generation_kwargs",
                       R"({"max_new_tokens": 3, "suppress_tokens": [0, 1, 2, 3]})"};
  const RunResult spaces = inseq(with(model, {"-i", "w5  w6", " w7"}));
  EXPECT_EQ(spaces.exit_code, 0) << spaces.err;
  expect_failure(inseq(with(model, {"-i", "w5 strange", "w6"})), 1,
                 {"does not give back", "\"w5 strange\""});
}

TEST(Texts, OneGeneratedTextForEachInput) {
  expect_failure(attribute({"-i", "The", "A", "-g", "The dog"}), 1,
                 {"2 input texts", "1 generated text"});
  expect_failure(attribute({"-i", "The", "-g", "The dog", "The cat"}), 1,
                 {"1 input text", "2 generated texts"});
}

TEST(Texts, PositionsMustLieInTheText) {
  const auto tokens = AttributionModel::load(model_folder()).encode("The dog ate the food");
  const std::string end = std::to_string(tokens.size()), last = std::to_string(tokens.size() - 1);
  EXPECT_EQ(attribute(with(kTexts, {"-s", last})).exit_code, 0);
  EXPECT_EQ(attribute(with(kTexts, {"-s", "-1"})).exit_code, 0);
  EXPECT_EQ(attribute(with(kTexts, {"-e", "-1"})).exit_code, 0);
  EXPECT_EQ(attribute(with(kTexts, {"-s", "0", "-e", "9999"})).exit_code, 0);
  expect_failure(attribute(with(kTexts, {"-s", end})), 1,
                 {"attr_pos_start " + end, "past the end", end + "-token"});
  expect_failure(attribute(with(kTexts, {"-s", "-9999"})), 1,
                 {"attr_pos_start -9999", "before the start"});
  expect_failure(attribute(with(kTexts, {"-e", "-9999"})), 1,
                 {"attr_pos_end -9999", "before the start"});
  expect_failure(attribute(with(kTexts, {"-s", last, "-e", last})), 1,
                 {"nothing to explain", last});
  expect_failure(attribute(with(kTexts, {"-e", "1"})), 1, {"nothing to explain"});
}

TEST(Texts, LearnedPositionsHaveAnEnd) {
  const Words gpt2 = {"attribute", "-m", model_folder("gpt2_base")};
  expect_failure(inseq(with(gpt2, {"-i", "The", "-g", long_text(200)})), 1, {"positions", "64"});
  expect_failure(inseq(with(gpt2, {"-i", long_text(200), "--generation_kwargs", kThree})), 1,
                 {"the prompt has", "64 positions", "shorten the prompt"});
  expect_failure(
      inseq(with(gpt2, {"-i", "The dog", "--generation_kwargs", R"({"max_new_tokens": 80})"})), 1,
      {"80 new ones", "64 positions", "at most"});
}

/// As with transformers, texts longer than the context are read; the program says so first.
TEST(Texts, RotaryPositionsGoOnWithAWarning) {
  const auto explain = [](const char* model, int words) {
    return inseq({"attribute", "-m", model_folder(model), "-i", "The", "-g", long_text(words), "-s",
                  "2", "-e", "4"});
  };
  const RunResult longer = explain("llama_base", 300);
  EXPECT_EQ(longer.exit_code, 0) << longer.err;
  EXPECT_NE(longer.err.find("longer than the 128 that the model was trained for"),
            std::string::npos)
      << longer.err;
  EXPECT_EQ(explain("llama_base", 20).err.find("warning"), std::string::npos);
}

TEST(Texts, MemoryLimitSaysWhatOneStepNeeds) {
  expect_failure(attribute(with(kTexts, {"--memory_limit", "1KB"})), 1,
                 {"one step", "KiB of working memory", "1000 bytes", "--memory"});
  const RunResult plenty = attribute(with(kTexts, {"--memory_limit", "1GB"}));
  EXPECT_EQ(plenty.exit_code, 0) << plenty.err;
  EXPECT_EQ(plenty.out, attribute(kTexts).out);
}

TEST(Texts, BlocksOfOneStepGiveTheSame) {
  const RunResult usual = attribute({"-i", "The", "-g", long_text(60), "--memory_limit", "1GB"});
  ASSERT_EQ(usual.exit_code, 0) << usual.err;
  // The least that is enough: what the message about too little says, and a tenth for its rounding.
  const std::string told =
      attribute({"-i", "The", "-g", long_text(60), "--memory_limit", "1KB"}).err;
  const size_t needs = told.find("needs ");
  ASSERT_NE(needs, std::string::npos) << told;
  const double kib = std::stod(told.substr(needs + 6));
  ASSERT_NE(told.find(" KiB of working memory"), std::string::npos) << told;
  const RunResult least = attribute({"-i", "The", "-g", long_text(60), "--memory_limit",
                                     std::to_string(static_cast<int>(kib * 1.1)) + "KiB"});
  EXPECT_EQ(least.exit_code, 0) << least.err;
  EXPECT_EQ(least.out, usual.out);
}

TEST(Texts, UnicodeAndControlCharacters) {
  for (const char* text : {"你好，世界", "👩‍👩‍👧 é ü", "tab\there", "line\nbreak",
                           "\x1b[31mred", "e\u0301 \u202e abc"}) {
    const RunResult result = attribute({"-i", text, "--generation_kwargs", kThree});
    EXPECT_EQ(result.exit_code, 0) << text << result.err;
    EXPECT_EQ(result.out.find('\x1b'), std::string::npos);
  }
}

TEST(Texts, MustBeUtf8) {
  expect_failure(attribute({"-i", "a \xff b", "--generation_kwargs", kThree}), 1,
                 {"invalid UTF-8 at byte 2"});
}

TEST(Texts, SeedsMakeSamplingRepeatable) {
  const Words words = {"-i", "The dog", "--generation_kwargs",
                       R"({"max_new_tokens": 8, "do_sample": true, "seed": 7})"};
  const RunResult first = attribute(words);
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(first.out, attribute(words).out);
}

}  // namespace
}  // namespace inseq::test
