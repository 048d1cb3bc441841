#include "inseq/error.h"
#include "io/model_location.h"
#include "io/tensor_file.h"
#include "text/gguf_vocabulary.h"
#include "text_data.h"

namespace inseq::text {
namespace {

Json metadata_of(const std::string& name) {
  const Json data = load_data("gguf.json");
  Json metadata = data["shared"][data[name]["shared"].get<std::string>()];
  metadata.update(data[name]["metadata"]);
  return metadata;
}

TEST(LoadGgufTokenizer, AgreesWithTransformers) {
  const Json data = load_data("gguf.json");
  for (const auto& [name, expected] : data.items()) {
    if (name == "shared") continue;
    SCOPED_TRACE(name);
    expect_as_described(*load_gguf_tokenizer(metadata_of(name)), expected);
  }
}

TEST(LoadGgufTokenizer, AgreesWithTransformersOnTheDefaultModel) {
  if (!std::filesystem::exists(io::default_model_path()))
    GTEST_SKIP() << "the default model is not downloaded";
  const auto tokenizer = load_gguf_tokenizer(io::open_gguf(io::default_model_path())->metadata());
  expect_as_described(*tokenizer, load_data("smollm2.json"));
  EXPECT_EQ(tokenizer->apply_chat_template({{{"role", "user"}, {"content", "Hi"}}}, true),
            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
            "Face<|im_end|>\n"
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(LoadGgufTokenizer, RendersItsChatTemplate) {
  const auto tokenizer = load_gguf_tokenizer(metadata_of("bytes"));
  EXPECT_EQ(tokenizer->apply_chat_template({{{"role", "user"}, {"content", "Hi"}}}, true),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(LoadGgufTokenizer, LetsTheCallerOverrideTheFile) {
  const auto tokenizer = load_gguf_tokenizer(metadata_of("bytes"), {{"add_bos_token", true}});
  EXPECT_EQ(tokenizer->encode("a", true).ids.front(), tokenizer->special().bos);
}

TEST(LoadGgufTokenizer, RefusesBrokenMetadata) {
  const std::pair<const char*, Json> changes[] = {
      {"tokenizer.ggml.model", "rwkv"},         {"tokenizer.ggml.model", nullptr},
      {"tokenizer.ggml.tokens", Json::array()}, {"tokenizer.ggml.tokens", {"a", 1}},
      {"tokenizer.ggml.tokens", "abc"},         {"tokenizer.ggml.merges", {"a"}},
      {"tokenizer.ggml.merges", {"a b c"}},     {"tokenizer.ggml.merges", {"missing tokens"}},
      {"tokenizer.ggml.token_type", {"x"}},     {"tokenizer.ggml.scores", {1.0}},
      {"tokenizer.ggml.bos_token_id", 1000000}, {"tokenizer.ggml.eos_token_id", -1},
      {"tokenizer.ggml.unknown_token_id", "x"},
  };
  for (const auto& [key, value] : changes) {
    SCOPED_TRACE(std::string(key) + " = " + value.dump());
    Json metadata = metadata_of("bytes");
    metadata[key] = value;
    EXPECT_THROW(load_gguf_tokenizer(metadata), Error);
  }
  Json metadata = metadata_of("bytes");
  metadata.erase("tokenizer.ggml.merges");
  EXPECT_THROW(load_gguf_tokenizer(metadata), FormatError);  // neither merges nor scores
  EXPECT_THROW(load_gguf_tokenizer(Json::array()), FormatError);
}

TEST(RecoverMerges, OrdersByRankAndLength) {
  const std::vector<std::string> tokens = {"a", "b", "é", "ab", "bé", "abé"};
  const Merges expected = {{"a", "b"}, {"b", "é"}, {"ab", "é"}, {"a", "bé"}};
  EXPECT_EQ(recover_merges(tokens, {0, 0, 0, -1, -2, -3}), expected);
}

}  // namespace
}  // namespace inseq::text
