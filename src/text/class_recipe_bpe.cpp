#include <map>

#include "text/class_recipe.h"

namespace inseq::text {

const char* const kQwen2Split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char* const kQwen35Split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

void set_default(Json& settings, const char* name, Json value) {
  if (!settings.contains(name)) settings[name] = std::move(value);
}

std::string token_content(const Json& settings, const char* name) {
  const auto found = settings.find(name);
  if (found == settings.end()) return "";
  const auto token = parse_added_token(*found);
  return token ? token->content : "";
}

Json byte_level(bool add_prefix_space, bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", add_prefix_space},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

Json metaspace(const char* prepend_scheme, bool split) {
  return {{"type", "Metaspace"},
          {"replacement", "▁"},
          {"prepend_scheme", prepend_scheme},
          {"split", split}};
}

Json split_isolated(const char* regex) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", regex}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

Json sequence(const char* list, std::vector<Json> members) {
  return {{"type", "Sequence"}, {list, Json(std::move(members))}};
}

Json replace_regex(const char* regex, const char* content) {
  return {{"type", "Replace"}, {"pattern", {{"Regex", regex}}}, {"content", content}};
}

namespace {

/// BPE model settings as a constructor call leaves them when it names none of them.
Json plain_bpe() {
  return {{"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", false}};
}

/// Of the GPT-2 family: no prefix, no suffix, every byte has a token.
Json byte_level_bpe() {
  Json model = plain_bpe();
  model["continuing_subword_prefix"] = "";
  model["end_of_word_suffix"] = "";
  return model;
}

/// Of the SentencePiece family: unknown characters become bytes.
Json sentencepiece_bpe(const std::string& unknown) {
  Json model = plain_bpe();
  model["fuse_unk"] = true;
  model["byte_fallback"] = true;
  if (!unknown.empty()) model["unk_token"] = unknown;
  return model;
}

Json sentencepiece_decoder(bool strip_first_space) {
  std::vector<Json> steps = {
      {{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}},
      {{"type", "ByteFallback"}},
      {{"type", "Fuse"}}};
  if (strip_first_space)
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return sequence("decoders", std::move(steps));
}

Json gpt2_parts(Json& settings, const Backend&, const Json&) {
  for (const char* name : {"unk_token", "bos_token", "eos_token"})
    set_default(settings, name, "<|endoftext|>");
  set_default(settings, "pad_token", nullptr);
  return {{"model", byte_level_bpe()},
          {"pre_tokenizer", byte_level(is_set(settings, "add_prefix_space"))},
          {"decoder", byte_level(true)}};
}

Json codegen_parts(Json& settings, const Backend& backend, const Json& file) {
  Json parts = gpt2_parts(settings, backend, file);
  if (!file.contains("post_processor") || file["post_processor"].is_null()) {
    parts["post_processor"] = byte_level(true);
    parts["post_processor"]["trim_offsets"] = false;
  }
  return parts;
}

Json gpt_neox_parts(Json& settings, const Backend& backend, const Json& file) {
  set_default(settings, "pad_token", "<|padding|>");
  Json parts = gpt2_parts(settings, backend, file);
  parts["normalizer"] = {{"type", "NFC"}};
  const auto trim = settings.find("trim_offsets");
  parts["pre_tokenizer"]["trim_offsets"] =
      trim == settings.end() || is_set(settings, "trim_offsets");
  return parts;
}

Json qwen_parts(Json& settings, const char* split) {
  for (const char* name : {"unk_token", "eos_token", "pad_token"})
    set_default(settings, name, "<|endoftext|>");
  set_default(settings, "bos_token", nullptr);
  const bool prefix = is_set(settings, "add_prefix_space");
  return {{"model", byte_level_bpe()},
          {"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer",
           sequence("pretokenizers", {split_isolated(split), byte_level(prefix, false)})},
          {"decoder", byte_level(true)}};
}

Json qwen2_parts(Json& settings, const Backend&, const Json&) {
  return qwen_parts(settings, kQwen2Split);
}
Json qwen35_parts(Json& settings, const Backend&, const Json&) {
  return qwen_parts(settings, kQwen35Split);
}

void qwen2_finish(TokenizerBuilder& builder) {
  std::vector<AddedToken> tokens;
  for (const std::string& content : builder.special_tokens())
    tokens.push_back({.content = content, .special = true});
  if (!tokens.empty()) builder.backend().add_tokens(tokens);
}

Json llama_parts(Json& settings, const Backend&, const Json&) {
  set_default(settings, "unk_token", "<unk>");
  set_default(settings, "bos_token", "<s>");
  set_default(settings, "eos_token", "</s>");
  const auto prefix = settings.find("add_prefix_space");
  const bool add_space =
      prefix == settings.end() || prefix->is_null() || is_set(settings, "add_prefix_space");
  const char* scheme = !add_space ? "never" : is_set(settings, "legacy") ? "always" : "first";
  return {{"model", sentencepiece_bpe("")},
          {"normalizer", nullptr},
          {"pre_tokenizer", metaspace(scheme, false)},
          {"decoder", sentencepiece_decoder(add_space)}};
}

Json code_llama_parts(Json& settings, const Backend& backend, const Json& file) {
  Json parts = llama_parts(settings, backend, file);
  const auto prefix = settings.find("add_prefix_space");
  const bool add_space =
      prefix == settings.end() || prefix->is_null() || is_set(settings, "add_prefix_space");
  Json additional = is_set(settings, "additional_special_tokens")
                        ? settings["additional_special_tokens"]
                        : Json::array();
  const std::pair<const char*, const char*> infilling[] = {{"prefix_token", "▁<PRE>"},
                                                           {"middle_token", "▁<MID>"},
                                                           {"suffix_token", "▁<SUF>"},
                                                           {"eot_token", "▁<EOT>"},
                                                           {"fill_token", "<FILL_ME>"}};
  for (const auto& [name, token] : infilling) {
    set_default(settings, name, token);
    if (!settings[name].is_null()) additional.push_back(settings[name]);
  }
  settings["additional_special_tokens"] = additional;
  set_default(settings, "add_bos_token", true);
  parts["model"] = sentencepiece_bpe(token_content(settings, "unk_token"));
  parts["pre_tokenizer"] = metaspace(add_space ? "first" : "never", false);
  parts["decoder"] = sentencepiece_decoder(true);
  return parts;
}

Json gemma_parts(Json& settings, const Backend&, const Json&) {
  set_default(settings, "unk_token", "<unk>");
  set_default(settings, "bos_token", "<bos>");
  set_default(settings, "eos_token", "<eos>");
  set_default(settings, "pad_token", "<pad>");
  set_default(settings, "mask_token", "<mask>");
  const Json space = {{"String", " "}};
  return {{"model", sentencepiece_bpe(token_content(settings, "unk_token"))},
          {"normalizer", {{"type", "Replace"}, {"pattern", space}, {"content", "▁"}}},
          {"pre_tokenizer",
           {{"type", "Split"},
            {"pattern", space},
            {"behavior", "MergedWithPrevious"},
            {"invert", false}}},
          {"decoder", sentencepiece_decoder(false)}};
}

Json cohere_parts(Json& settings, const Backend&, const Json&) {
  const std::pair<const char*, const char*> defaults[] = {{"unk_token", "<UNK>"},
                                                          {"bos_token", "<BOS_TOKEN>"},
                                                          {"eos_token", "<|END_OF_TURN_TOKEN|>"},
                                                          {"pad_token", "<PAD>"},
                                                          {"cls_token", "<CLS>"},
                                                          {"sep_token", "<SEP>"},
                                                          {"mask_token", "<MASK_TOKEN>"}};
  for (const auto& [name, token] : defaults) set_default(settings, name, token);
  const Json bytes = byte_level(is_set(settings, "add_prefix_space"));
  return {{"model", byte_level_bpe()},
          {"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer",
           sequence("pretokenizers", {{{"type", "Digits"}, {"individual_digits", true}}, bytes})},
          {"decoder", bytes}};
}

/// Adds every special token again as one that is matched before normalisation.
void cohere_finish(TokenizerBuilder& builder) {
  std::vector<AddedToken> tokens;
  const auto add = [&tokens](AddedToken token) {
    if (token.plain) token.normalized = false;
    token.special = true;
    tokens.push_back(token);
  };
  for (const auto& [name, token] : builder.named_tokens()) add(token);
  for (const AddedToken& token : builder.extra_tokens()) add(token);
  if (!tokens.empty()) builder.backend().add_tokens(tokens);
}

void roberta_defaults(Json& settings) {
  const std::pair<const char*, const char*> defaults[] = {
      {"bos_token", "<s>"},   {"eos_token", "</s>"},  {"sep_token", "</s>"},   {"cls_token", "<s>"},
      {"unk_token", "<unk>"}, {"pad_token", "<pad>"}, {"mask_token", "<mask>"}};
  for (const auto& [name, token] : defaults) set_default(settings, name, token);
}

Json roberta_parts(Json& settings, const Backend&, const Json&) {
  roberta_defaults(settings);
  return {{"model", byte_level_bpe()},
          {"pre_tokenizer", byte_level(is_set(settings, "add_prefix_space"))},
          {"decoder", byte_level(true)}};
}

void roberta_finish(TokenizerBuilder& builder) {
  const std::string sep = builder.named("sep_token").value_or(""),
                    cls = builder.named("cls_token").value_or("");
  const Json& settings = builder.settings();
  const Json processor = {
      {"type", "RobertaProcessing"},
      {"sep", {sep, builder.id_of(sep)}},
      {"cls", {cls, builder.id_of(cls)}},
      {"trim_offsets", !settings.contains("trim_offsets") || is_set(settings, "trim_offsets")},
      {"add_prefix_space", is_set(settings, "add_prefix_space")}};
  builder.backend().assemble({{"post_processor", processor}});
}

Json blenderbot_parts(Json& settings, const Backend& backend, const Json& file) {
  set_default(settings, "add_prefix_space", true);
  if (!settings.contains("mask_token") || settings["mask_token"].is_string()) {
    const std::string mask =
        settings.contains("mask_token") ? settings["mask_token"].get<std::string>() : "<mask>";
    settings["mask_token"] = to_setting({.content = mask, .lstrip = true, .normalized = false});
  }
  return roberta_parts(settings, backend, file);
}

Json openai_gpt_parts(Json& settings, const Backend&, const Json&) {
  set_default(settings, "unk_token", "<unk>");
  Json model = byte_level_bpe();
  model["end_of_word_suffix"] = "</w>";
  model["unk_token"] = token_content(settings, "unk_token");
  return {{"model", model},
          {"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", true},
            {"strip_accents", nullptr},
            {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"decoder", {{"type", "BPEDecoder"}, {"suffix", "</w>"}}}};
}

Json bert_parts(Json& settings, const Backend&, const Json&) {
  const std::pair<const char*, const char*> defaults[] = {{"unk_token", "[UNK]"},
                                                          {"sep_token", "[SEP]"},
                                                          {"pad_token", "[PAD]"},
                                                          {"cls_token", "[CLS]"},
                                                          {"mask_token", "[MASK]"}};
  for (const auto& [name, token] : defaults) set_default(settings, name, token);
  set_default(settings, "do_lower_case", true);
  set_default(settings, "tokenize_chinese_chars", true);
  set_default(settings, "strip_accents", nullptr);
  const Json& accents = settings["strip_accents"];
  return {{"model", {{"unk_token", token_content(settings, "unk_token")}}},
          {"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", is_set(settings, "tokenize_chinese_chars")},
            {"strip_accents",
             accents.is_null() ? Json(nullptr) : Json(is_set(settings, "strip_accents"))},
            {"lowercase", is_set(settings, "do_lower_case")}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}}};
}

void bert_finish(TokenizerBuilder& builder) {
  builder.set_template({builder.named("cls_token").value_or("[CLS]")},
                       {builder.named("sep_token").value_or("[SEP]")});
}

void update_template(TokenizerBuilder& builder) { builder.update_post_processor(); }

}  // namespace

const ClassRecipe* find_bpe_recipe(const std::string& class_name) {
  static const std::map<std::string, ClassRecipe> recipes = {
      {"GPT2Tokenizer", {"BPE", gpt2_parts}},
      {"CodeGenTokenizer", {"BPE", codegen_parts}},
      {"GPTNeoXTokenizer", {"BPE", gpt_neox_parts, update_template}},
      {"Qwen2Tokenizer", {"BPE", qwen2_parts, qwen2_finish}},
      {"Qwen3_5Tokenizer", {"BPE", qwen35_parts}},
      {"LlamaTokenizer", {"BPE", llama_parts}},
      {"CodeLlamaTokenizer", {"BPE", code_llama_parts}},
      {"GemmaTokenizer", {"BPE", gemma_parts}},
      {"CohereTokenizer", {"BPE", cohere_parts, cohere_finish}},
      {"RobertaTokenizer", {"BPE", roberta_parts, roberta_finish}},
      {"BlenderbotTokenizer", {"BPE", blenderbot_parts}},
      {"OpenAIGPTTokenizer", {"BPE", openai_gpt_parts}},
      {"BertTokenizer", {"WordPiece", bert_parts, bert_finish}},
  };
  const auto found = recipes.find(class_name);
  return found == recipes.end() ? nullptr : &found->second;
}

}  // namespace inseq::text
