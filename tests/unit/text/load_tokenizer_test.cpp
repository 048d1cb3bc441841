#include <thread>

#include "inseq/error.h"
#include "text_data.h"

namespace inseq::text {
namespace {

/// The folder of a case of cases.json.
class CaseFolder : public TemporaryFolder {
 public:
  explicit CaseFolder(const std::string& name) {
    write_case(*this, load_data("cases.json")[name], load_data("bases.json"));
  }
};

/// The message of the exception that loading throws.
template <typename Kind>
std::string message_of_loading(const std::string& folder, const Json& overrides = Json::object()) {
  try {
    load_tokenizer(folder, overrides);
  } catch (const Kind& error) {
    return error.what();
  }
  return "nothing thrown";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(LoadTokenizer, AgreesWithTransformers) {
  const Json data = load_data("expected.json");
  for (const auto& [name, expected] : data.items()) {
    SCOPED_TRACE(name);
    const CaseFolder folder(expected["case"]);
    expect_as_described(*load_tokenizer(folder.path(), expected["overrides"]), expected);
  }
}

TEST(LoadTokenizer, ReadsVocabTxt) {
  const TemporaryFolder folder;
  folder.write("config.json", R"({"model_type": "bert"})");
  folder.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nwor\n##ld\n");
  const auto tokenizer = load_tokenizer(folder.path());
  EXPECT_EQ(tokenizer->encode("Hello world xyz", true).ids,
            (std::vector<int64_t>{2, 5, 6, 7, 1, 3}));
  EXPECT_EQ(tokenizer->decode(std::vector<int64_t>{5, 6, 7}, true), "hello world");
}

TEST(LoadTokenizer, TakesPairOfFilesWithoutConfigAsGpt2) {
  Json files = load_data("cases.json")["gpt2 vocab and merges"];
  files.erase("config.json");
  const TemporaryFolder folder;
  write_case(folder, files, load_data("bases.json"));
  EXPECT_EQ(load_tokenizer(folder.path())->class_name(), "GPT2Tokenizer");
}

TEST(LoadTokenizer, NamesTheFilesItLookedFor) {
  const TemporaryFolder folder;
  const std::string message = message_of_loading<InvalidArgument>(folder.path());
  EXPECT_TRUE(contains(message, folder.path() + ": no tokenizer; looked for tokenizer.json"))
      << message;
  EXPECT_TRUE(contains(message, "merges.txt")) << message;
  EXPECT_TRUE(contains(message_of_loading<InvalidArgument>(folder.path() + "/none"),
                       "/none: no such folder"));
}

TEST(LoadTokenizer, ExplainsSentencePieceOnlyFolders) {
  const TemporaryFolder folder;
  folder.write("tokenizer.model", "x");
  EXPECT_TRUE(contains(message_of_loading<Unsupported>(folder.path()),
                       "SentencePiece model (tokenizer.model)"));
  folder.write("config.json", R"({"model_type": "prophetnet"})");
  EXPECT_TRUE(contains(message_of_loading<Unsupported>(folder.path()), "ProphetNetTokenizer"));
}

TEST(LoadTokenizer, RefusesBrokenFilesWithOneSentence) {
  const std::pair<const char*, const char*> broken[] = {
      {"tokenizer.json", ""},
      {"tokenizer.json", "{}"},
      {"tokenizer.json", "[1, 2"},
      {"tokenizer.json",
       R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "b"]]}, "added_tokens": []})"},
      {"tokenizer.json",
       R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}, "added_tokens": []})"},
      {"tokenizer.json",
       R"({"model": {"type": "Unigram", "vocab": [], "unk_id": 7}, "added_tokens": []})"},
      {"tokenizer_config.json", "{\"a\": \xff}"},
      {"tokenizer_config.json", "[]"},
      {"tokenizer_config.json", R"({"cls_token": 7})"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "a"}}})"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"5": 1}})"},
      {"config.json", "{"},
      {"special_tokens_map.json", "nonsense"},
      {"added_tokens.json", R"({"a": "b"})"}};
  for (const auto& [file, content] : broken) {
    SCOPED_TRACE(std::string(file) + " " + content);
    const CaseFolder folder("gpt2 json with padding");
    folder.write(file, content);
    const std::string message = message_of_loading<FormatError>(folder.path());
    EXPECT_NE(message, "nothing thrown");
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), 500u) << message;
  }
}

TEST(LoadTokenizer, SurvivesDeepNesting) {
  const CaseFolder folder("gpt2 json with padding");
  const std::string deep = std::string(200000, '[') + std::string(200000, ']');
  folder.write("tokenizer_config.json", "{\"a\": " + deep + "}");
  EXPECT_TRUE(contains(message_of_loading<FormatError>(folder.path()), "nested more than"));
  folder.write("tokenizer_config.json", "{}");
  folder.write("tokenizer.json", deep);
  EXPECT_TRUE(contains(message_of_loading<FormatError>(folder.path()), "tokenizer.json"));
}

TEST(LoadTokenizer, TakesAFileWhoseModelIsNotOfItsClassAsItIs) {
  const CaseFolder folder("unigram as it is");
  folder.write("config.json", R"({"model_type": "llama"})");
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "LlamaTokenizer"})");
  const auto as_it_is = load_tokenizer(CaseFolder("unigram as it is").path());
  EXPECT_EQ(load_tokenizer(folder.path())->encode("the dog", true).ids,
            as_it_is->encode("the dog", true).ids);
}

TEST(Tokenizer, RefusesInvalidUtf8) {
  const auto tokenizer = load_tokenizer(CaseFolder("llama").path());
  EXPECT_THROW(tokenizer->encode("ab\xff", true), InvalidArgument);
  EXPECT_THROW(tokenizer->encode("\xc3", true), InvalidArgument);
  EXPECT_THROW(tokenizer->encode("\xed\xa0\x80", true), InvalidArgument);
  EXPECT_FALSE(tokenizer->token_to_id("\xff").has_value());
}

TEST(Tokenizer, RefusesIdsOutsideItsVocabulary) {
  const auto tokenizer = load_tokenizer(CaseFolder("llama").path());
  EXPECT_THROW(tokenizer->id_to_token(tokenizer->vocab_size()), InvalidArgument);
  EXPECT_THROW(tokenizer->id_to_token(-1), InvalidArgument);
  EXPECT_THROW(tokenizer->readable(int64_t{1} << 40), InvalidArgument);
  EXPECT_THROW(tokenizer->decode(std::vector<int64_t>{-3}, false), InvalidArgument);
  // transformers leaves unknown ids out.
  EXPECT_EQ(tokenizer->decode(std::vector<int64_t>{100000}, false), "");
}

TEST(Tokenizer, SplitsSpecialTokensWhenAsked) {
  const CaseFolder folder("llama");
  const auto whole = load_tokenizer(folder.path());
  const auto split = load_tokenizer(folder.path(), {{"split_special_tokens", true}});
  EXPECT_EQ(whole->encode("</s>", false).ids.size(), 1u);
  EXPECT_GT(split->encode("</s>", false).ids.size(), 1u);
}

TEST(Tokenizer, ShowsEveryIdReadably) {
  const auto bytes = load_tokenizer(CaseFolder("llama 3").path());
  EXPECT_EQ(bytes->readable(*bytes->token_to_id("Ġthe")), " the");
  EXPECT_EQ(bytes->readable(*bytes->token_to_id("Ċ")), "\\n");
  EXPECT_EQ(bytes->readable(*bytes->token_to_id("â")), "⟨E2⟩");
  EXPECT_EQ(bytes->readable(*bytes->token_to_id("<|im_start|>")), "<|im_start|>");
  const auto pieces = load_tokenizer(CaseFolder("llama").path());
  EXPECT_EQ(pieces->readable(*pieces->token_to_id("▁the")), " the");
  EXPECT_EQ(pieces->readable(*pieces->token_to_id("<0x0A>")), "\\n");
  EXPECT_EQ(pieces->readable(*pieces->token_to_id("<0xE2>")), "⟨E2⟩");
  for (const Tokenizer* tokenizer : {bytes.get(), pieces.get()}) {
    for (int64_t id = 0; id < tokenizer->vocab_size(); ++id) {
      EXPECT_NO_THROW(Json(tokenizer->readable(id)).dump()) << id;  // dump() refuses invalid UTF-8
    }
  }
}

TEST(Tokenizer, TakesSettingsOfTheWrongKindForNone) {
  const CaseFolder folder("llama");
  folder.write("tokenizer_config.json", R"({"model_specific_special_tokens": 5})");
  folder.write("special_tokens_map.json", R"({"extra_special_tokens": {"a_token": "<a>"}})");
  EXPECT_TRUE(load_tokenizer(folder.path())->token_to_id("<a>").has_value());
}

TEST(Tokenizer, WorksFromSeveralThreads) {
  const auto tokenizer = load_tokenizer(CaseFolder("llama 3").path());
  const auto texts = load_data("texts.json").get<std::vector<std::string>>();
  std::vector<std::vector<int64_t>> alone;
  for (const std::string& text : texts) alone.push_back(tokenizer->encode(text, true).ids);
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < texts.size(); ++i)
        wrong[t] += tokenizer->encode(texts[i], true).ids != alone[i];
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace inseq::text
