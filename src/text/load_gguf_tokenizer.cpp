#include <algorithm>
#include <map>
#include <unordered_set>

#include "inseq/error.h"
#include "text/byte_alphabet.h"
#include "text/class_recipe.h"
#include "text/gguf_vocabulary.h"
#include "text/library_tokenizer.h"
#include "text/tokenizer_class.h"

namespace inseq::text {
namespace {

constexpr const char* kFile = "GGUF metadata";

const char* const kLlama3Split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char* const kTekkenSplit =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char* const kGpt4oSplit =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// The split that tokenizer.ggml.pre names; nullptr for the one of GPT-2, which transformers also
/// takes for names that it does not know ("smollm" among them).
const char* split_for(const std::string& pre) {
  static const std::map<std::string, const char*> splits = {
      {"llama3", kLlama3Split},       {"llama-v3", kLlama3Split},
      {"llama-bpe", kLlama3Split},    {"falcon3", kLlama3Split},
      {"falcon-h1", kLlama3Split},    {"pixtral", kLlama3Split},
      {"midm-2.0", kLlama3Split},     {"lfm2", kLlama3Split},
      {"jina-v5-nano", kLlama3Split}, {"dbrx", kLlama3Split},
      {"smaug-bpe", kLlama3Split},    {"tekken", kTekkenSplit},
      {"qwen2", kQwen2Split},         {"deepseek-r1-qwen", kQwen2Split},
      {"kormo", kQwen2Split},         {"f2llmv2", kQwen2Split},
      {"megrez", kQwen2Split},        {"qwen35", kQwen35Split},
      {"gpt-4o", kGpt4oSplit},        {"llama4", kGpt4oSplit},
      {"kanana2", kGpt4oSplit},       {"talkie", kGpt4oSplit},
      {"minimax-m2", kGpt4oSplit}};
  const auto found = splits.find(pre);
  return found == splits.end() ? nullptr : found->second;
}

/// The tokenizer that a constructor call of a class makes from this vocabulary.
TokenizerBuilder construct(const char* class_name, Backend backend) {
  Json settings = Json::object();
  const ClassRecipe* recipe = find_recipe(class_name);
  backend.assemble(recipe->parts(settings, backend, Json::object()));
  TokenizerBuilder builder(std::move(backend), std::move(settings), {});
  builder.initialise();
  if (recipe->finish != nullptr) recipe->finish(builder);
  return builder;
}

TokenizerBuilder byte_level_tokenizer(const GgufVocabulary& vocabulary) {
  std::vector<std::string> spelled;
  spelled.reserve(vocabulary.tokens.size());
  for (const std::string& token : vocabulary.tokens) {
    // Some files hold added tokens as plain text.
    spelled.push_back(bytes_of(token) ? token : spelling_of(token));
  }
  const Merges merges = vocabulary.has_merges
                            ? vocabulary.merges
                            : recover_merges(vocabulary.tokens, vocabulary.scores);
  return construct("GPT2Tokenizer", Backend::from_lists(spelled, merges, kFile));
}

TokenizerBuilder sentencepiece_tokenizer(const GgufVocabulary& vocabulary, const char* class_name) {
  const Merges merges = vocabulary.has_merges
                            ? vocabulary.merges
                            : recover_merges(vocabulary.tokens, vocabulary.scores);
  return construct(class_name, Backend::from_lists(vocabulary.tokens, merges, kFile));
}

/// Phi 3 prepends its space in a normalizer, so a text that begins with a space gets one more.
TokenizerBuilder phi3_tokenizer(const GgufVocabulary& vocabulary) {
  TokenizerBuilder builder = sentencepiece_tokenizer(vocabulary, "LlamaTokenizer");
  const Json prepend = {{"type", "Prepend"}, {"prepend", "▁"}};
  const Json replace = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}};
  builder.backend().assemble(
      {{"normalizer", sequence("normalizers", {prepend, replace})}, {"pre_tokenizer", nullptr}});
  return builder;
}

/// Gemma's files spell runs of spaces as they are, and their order, not the scores, is the order of
/// the merges.
TokenizerBuilder gemma_tokenizer(GgufVocabulary vocabulary) {
  for (std::string& token : vocabulary.tokens) {
    if (token.empty() || token.find_first_not_of(' ') != std::string::npos) continue;
    std::string spelled;
    for (size_t i = 0; i < token.size(); ++i) spelled += "▁";
    token = spelled;
  }
  vocabulary.scores.clear();
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id)
    vocabulary.scores.push_back(-static_cast<double>(id));
  return sentencepiece_tokenizer(vocabulary, "GemmaTokenizer");
}

/// T5's blanks <extra_id_0> to <extra_id_99> are called [PAD…] in the files, in reverse.
TokenizerBuilder unigram_tokenizer(GgufVocabulary vocabulary) {
  constexpr int kBlanks = 100;
  int next = kBlanks - 1;
  for (std::string& token : vocabulary.tokens) {
    if (next < 0 || token.size() < 6 || !token.starts_with("[PAD") || token.back() != ']') continue;
    const std::string digits = token.substr(4, token.size() - 5);
    if (digits.find_first_not_of("0123456789") != std::string::npos) continue;
    token = "<extra_id_" + std::to_string(next--) + ">";
  }
  return construct("T5Tokenizer",
                   Backend::from_scores(vocabulary.tokens, vocabulary.scores, 2, kFile));
}

TokenizerBuilder build(const GgufVocabulary& vocabulary, const std::string& architecture) {
  INSEQ_CHECK(vocabulary.has_merges || !vocabulary.scores.empty(), FormatError, kFile,
              ": needs tokenizer.ggml.merges or tokenizer.ggml.scores, has neither");
  if (vocabulary.model == "gpt2") return byte_level_tokenizer(vocabulary);
  if (vocabulary.model == "t5") return unigram_tokenizer(vocabulary);
  if (vocabulary.model == "gemma4") return sentencepiece_tokenizer(vocabulary, "GemmaTokenizer");
  INSEQ_CHECK(vocabulary.model == "llama", Unsupported, kFile, ": tokenizer.ggml.model is \"",
              vocabulary.model, "\"; this version reads gpt2, llama, t5 and gemma4");
  if (architecture == "gemma" || architecture == "gemma2" || architecture == "gemma3") {
    return gemma_tokenizer(vocabulary);
  }
  return architecture == "phi3" ? phi3_tokenizer(vocabulary)
                                : sentencepiece_tokenizer(vocabulary, "LlamaTokenizer");
}

/// Control tokens and user-defined tokens stay whole wherever they occur in the text.
void add_typed_tokens(const GgufVocabulary& vocabulary, Backend& backend) {
  std::vector<AddedToken> control, defined;
  for (size_t id = 0; id < std::min(vocabulary.types.size(), vocabulary.tokens.size()); ++id) {
    const std::string& token = vocabulary.tokens[id];
    // A control token outside the alphabet of a byte-level vocabulary is a mislabelled one.
    if (vocabulary.types[id] == 3 && (vocabulary.model != "gpt2" || bytes_of(token))) {
      control.push_back({.content = token, .normalized = false, .special = true});
    } else if (vocabulary.types[id] == 4) {
      defined.push_back({.content = token, .normalized = false});
    }
  }
  if (!control.empty()) backend.add_tokens(control);
  std::erase_if(
      defined, [&backend](const AddedToken& token) { return !backend.token_to_id(token.content); });
  if (!defined.empty()) backend.add_tokens(defined);
}

/// The settings a file carries beside its vocabulary.
Json file_settings(const Json& metadata, const GgufVocabulary& vocabulary) {
  Json settings = Json::object();
  const auto copy = [&](const char* key, const char* name) {
    const auto found = metadata.find(key);
    if (found != metadata.end()) settings[name] = *found;
  };
  copy("tokenizer.chat_template", "chat_template");
  copy("tokenizer.ggml.add_bos_token", "add_bos_token");
  copy("tokenizer.ggml.add_eos_token", "add_eos_token");
  if (vocabulary.model == "llama") set_default(settings, "add_bos_token", true);
  if (vocabulary.model == "gemma4")
    settings["add_bos_token"] = false;  // its chat template writes it
  const std::pair<const char*, const char*> ids[] = {{"bos_token", "bos_token_id"},
                                                     {"eos_token", "eos_token_id"},
                                                     {"unk_token", "unknown_token_id"},
                                                     {"pad_token", "padding_token_id"}};
  for (const auto& [name, key] : ids) {
    const auto found = metadata.find(std::string("tokenizer.ggml.") + key);
    settings[name] = nullptr;
    if (found == metadata.end() || found->is_null()) continue;
    const double id = found->is_number() ? found->get<double>() : -1;
    INSEQ_CHECK(id >= 0 && id < static_cast<double>(vocabulary.tokens.size()), FormatError, kFile,
                ": tokenizer.ggml.", key, " is ", found->dump(), ", the vocabulary has ",
                vocabulary.tokens.size(), " tokens");
    settings[name] = vocabulary.tokens[static_cast<size_t>(id)];
  }
  return settings;
}

/// The class that AutoTokenizer of transformers gives a file of this architecture.
std::string class_of(const std::string& architecture) {
  static const std::map<std::string, const char*> model_types = {
      {"qwen2moe", "qwen2_moe"},         {"qwen3moe", "qwen3_moe"}, {"qwen35", "qwen3_5_text"},
      {"qwen35moe", "qwen3_5_moe_text"}, {"gpt-oss", "gpt_oss"},    {"minimax-m2", "minimax_m2"},
      {"gemma3", "gemma3_text"},         {"gemma4", "gemma4_text"}, {"t5encoder", "t5"}};
  const auto found = model_types.find(architecture);
  return choose_tokenizer_class(
      {.model_type = found == model_types.end() ? architecture : found->second,
       .model_name = "",
       .config_class = "",
       .tokenizer_class = "",
       .folder = ""});
}

}  // namespace

std::unique_ptr<Tokenizer> load_gguf_tokenizer(const Json& metadata, const Json& overrides) {
  INSEQ_CHECK(overrides.is_object(), InvalidArgument, "tokenizer settings are ",
              overrides.type_name(), ", needed an object such as {\"add_bos_token\": true}");
  const GgufVocabulary vocabulary = read_gguf_vocabulary(metadata);
  const auto named = metadata.find("general.architecture");
  const std::string architecture =
      named != metadata.end() && named->is_string() ? named->get<std::string>() : "";
  TokenizerBuilder inner = build(vocabulary, architecture);
  add_typed_tokens(vocabulary, inner.backend());
  if (const char* split = split_for(vocabulary.pre)) {
    inner.backend().assemble(
        {{"pre_tokenizer",
          sequence("pretokenizers", {split_isolated(split), byte_level(false, false)})}});
  }
  // AutoTokenizer hands that backend to the class of the architecture, with the settings of the
  // file.
  const std::string class_name = class_of(architecture);
  const ClassRecipe* recipe = find_recipe(class_name);
  Json settings = Json::object();
  if (recipe != nullptr) recipe->parts(settings, inner.backend(), Json::object());
  settings.update(file_settings(metadata, vocabulary));
  settings.update(overrides);
  TokenizerBuilder outer(std::move(inner.backend()), std::move(settings), {});
  outer.initialise();
  if (recipe != nullptr && recipe->finish != nullptr) recipe->finish(outer);
  return std::make_unique<LibraryTokenizer>(std::move(outer), class_name);
}

}  // namespace inseq::text
