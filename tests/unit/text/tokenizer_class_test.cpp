#include "text/tokenizer_class.h"

#include <gtest/gtest.h>

namespace inseq::text {
namespace {

TEST(CanonicalClass, KnowsOtherNames) {
  EXPECT_EQ(canonical_class("BartTokenizerFast"), "RobertaTokenizer");
  EXPECT_EQ(canonical_class("LlamaTokenizerFast"), "LlamaTokenizer");
  EXPECT_EQ(canonical_class("PreTrainedTokenizerFast"), "TokenizersBackend");
  EXPECT_EQ(canonical_class("BloomTokenizerFast"), "TokenizersBackend");
  EXPECT_EQ(canonical_class("MarianTokenizer"), "MarianTokenizer");
  EXPECT_EQ(canonical_class("ChatGLMTokenizer"), "");
}

/// As AutoTokenizer of transformers 5.23 decides for these folders.
TEST(ChooseTokenizerClass, FollowsTransformers) {
  struct Case {
    const char* model_type;
    const char* tokenizer_class;
    bool byte_level;
    const char* expected;
  };
  const Case cases[] = {
      {"gpt2", "", true, "GPT2Tokenizer"},
      {"llama", "", false, "TokenizersBackend"},
      {"llama", "LlamaTokenizer", false, "LlamaTokenizer"},
      {"llama", "LlamaTokenizerFast", true, "TokenizersBackend"},
      {"llama", "PreTrainedTokenizerFast", true, "TokenizersBackend"},
      {"llama", "GPT2Tokenizer", true, "GPT2Tokenizer"},
      {"mistral", "LlamaTokenizer", false, "TokenizersBackend"},
      {"phi3", "LlamaTokenizer", false, "TokenizersBackend"},
      {"gpt_bigcode", "GPT2TokenizerFast", true, "TokenizersBackend"},
      {"gpt_neox", "GPTNeoXTokenizer", true, "GPTNeoXTokenizer"},
      {"gpt_neox", "PreTrainedTokenizerFast", true, "TokenizersBackend"},
      {"qwen2", "LlamaTokenizer", false, "Qwen2Tokenizer"},
      {"qwen2", "Qwen2Tokenizer", true, "Qwen2Tokenizer"},
      {"m2m_100", "NllbTokenizer", false, "NllbTokenizer"},
      {"marian", "MarianTokenizer", false, "MarianTokenizer"},
      {"bart", "BartTokenizer", true, "RobertaTokenizer"},
      {"bloom", "BloomTokenizerFast", true, "TokenizersBackend"},
      {"t5", "T5Tokenizer", false, "T5Tokenizer"},
      {"t5", "ByT5Tokenizer", false, "ByT5Tokenizer"},
      {"unheard_of", "NewTokenizer", false, "TokenizersBackend"},
      {"", "", false, "TokenizersBackend"},
  };
  for (const Case& c : cases) {
    ClassHints hints;
    hints.model_type = c.model_type;
    hints.tokenizer_class = c.tokenizer_class;
    hints.byte_level = c.byte_level;
    EXPECT_EQ(choose_tokenizer_class(hints), c.expected)
        << c.model_type << " " << c.tokenizer_class;
  }
}

TEST(ChooseTokenizerClass, KnowsRepositoriesWithAWrongClass) {
  ClassHints hints;
  hints.model_type = "llama";
  hints.tokenizer_class = "LlamaTokenizerFast";
  hints.folder = "/cache/models--deepseek-ai--DeepSeek-R1-Distill-Llama-8B/snapshots/1";
  EXPECT_EQ(choose_tokenizer_class(hints), "TokenizersBackend");
}

}  // namespace
}  // namespace inseq::text
