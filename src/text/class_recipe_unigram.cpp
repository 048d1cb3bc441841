#include <algorithm>
#include <map>

#include "base/text_distance.h"
#include "inseq/error.h"
#include "text/class_recipe.h"
#include "text/language_codes.h"

namespace inseq::text {
namespace {

/// The character map of SentencePiece in the normalizer of tokenizer.json, base64; null when there
/// is none.
Json precompiled_map(const Json& file) {
  const Json normalizer = file.value("normalizer", Json());
  if (!normalizer.is_object()) return nullptr;
  const Json members = normalizer.value("normalizers", Json::array({normalizer}));
  for (const Json& member : members) {
    if (member.is_object() && member.value("type", "") == "Precompiled") return member;
  }
  return nullptr;
}

/// The character map, then the other steps.
Json normalizer_of(const Json& file, std::vector<Json> steps) {
  const Json precompiled = precompiled_map(file);
  if (!precompiled.is_null()) steps.insert(steps.begin(), precompiled);
  return sequence("normalizers", std::move(steps));
}

Json white_space_then_metaspace(const char* scheme) {
  return sequence("pretokenizers", {Json{{"type", "WhitespaceSplit"}}, metaspace(scheme, true)});
}

void set_sentence_defaults(Json& settings) {
  const std::pair<const char*, const char*> defaults[] = {
      {"bos_token", "<s>"}, {"eos_token", "</s>"},  {"sep_token", "</s>"},
      {"cls_token", "<s>"}, {"unk_token", "<unk>"}, {"pad_token", "<pad>"}};
  for (const auto& [name, token] : defaults) set_default(settings, name, token);
}

/// A mask token given as a string takes the space before it.
void make_mask_strip_left(Json& settings, std::optional<bool> normalized, bool special) {
  set_default(settings, "mask_token", "<mask>");
  if (!settings["mask_token"].is_string()) return;
  settings["mask_token"] = to_setting({.content = settings["mask_token"],
                                       .lstrip = true,
                                       .normalized = normalized,
                                       .special = special});
}

Json t5_parts(Json& settings, const Backend&, const Json& file) {
  set_default(settings, "eos_token", "</s>");
  set_default(settings, "unk_token", "<unk>");
  set_default(settings, "pad_token", "<pad>");
  set_default(settings, "extra_ids", 100);
  const int64_t count =
      settings["extra_ids"].is_number_integer() ? settings["extra_ids"].get<int64_t>() : 100;
  Json additional = is_set(settings, "additional_special_tokens")
                        ? settings["additional_special_tokens"]
                        : Json::array();
  bool has_blanks = false;
  for (const Json& token : additional) {
    const auto parsed = parse_added_token(token);
    has_blanks = has_blanks || (parsed && parsed->content.find("<extra_id_") != std::string::npos);
  }
  for (int64_t i = 0; !has_blanks && i < std::min<int64_t>(count, 10000); ++i) {
    additional.push_back("<extra_id_" + std::to_string(i) + ">");
  }
  settings["additional_special_tokens"] = additional;
  return {{"model", {{"unk_id", 2}}},
          {"normalizer", precompiled_map(file)},
          {"pre_tokenizer", white_space_then_metaspace("always")},
          {"decoder", metaspace("always", true)}};
}

void t5_finish(TokenizerBuilder& builder) {
  builder.set_template({}, {builder.named("eos_token").value_or("</s>")});
}

Json pegasus_parts(Json& settings, const Backend& backend, const Json& file) {
  set_default(settings, "pad_token", "<pad>");
  set_default(settings, "eos_token", "</s>");
  set_default(settings, "unk_token", "<unk>");
  set_default(settings, "mask_token", "<mask_2>");
  set_default(settings, "mask_token_sent", "<mask_1>");
  set_default(settings, "offset", 103);
  Json additional = Json::array();
  const Json given = settings.value("additional_special_tokens", Json::array());
  const Json& sentence_mask = settings["mask_token_sent"];
  bool mask_given = false;
  for (const Json& token : given.is_array() ? given : Json::array())
    mask_given = mask_given || token == sentence_mask;
  if (!mask_given && !sentence_mask.is_null()) additional.push_back(sentence_mask);
  const int64_t offset =
      settings["offset"].is_number_integer() ? settings["offset"].get<int64_t>() : 103;
  for (int64_t i = 2; i < std::min<int64_t>(offset, 10000); ++i) {
    additional.push_back("<unk_" + std::to_string(i) + ">");
  }
  settings["additional_special_tokens"] = additional;
  const bool mapped = !precompiled_map(file).is_null();
  std::vector<Json> steps = {replace_regex(" {2,}", " ")};
  if (!mapped) steps.insert(steps.begin(), replace_regex("\\n", " "));
  return {{"model",
           {{"unk_id", backend.token_to_id(token_content(settings, "unk_token")).value_or(0)}}},
          {"normalizer", normalizer_of(file, std::move(steps))},
          {"pre_tokenizer", metaspace("always", true)},
          {"decoder", metaspace("always", true)}};
}

Json xglm_parts(Json& settings, const Backend&, const Json& file) {
  set_sentence_defaults(settings);
  set_default(settings, "add_prefix_space", true);
  Json additional = is_set(settings, "additional_special_tokens")
                        ? settings["additional_special_tokens"]
                        : Json::array();
  for (int i = 0; i < 7; ++i) {
    const Json word = "<madeupword" + std::to_string(i) + ">";
    if (std::find(additional.begin(), additional.end(), word) == additional.end())
      additional.push_back(word);
  }
  settings["additional_special_tokens"] = additional;
  const char* scheme = is_set(settings, "add_prefix_space") ? "always" : "never";
  return {{"model", {{"unk_id", 3}}},
          {"normalizer", normalizer_of(file, {replace_regex(" {2,}", " ")})},
          {"pre_tokenizer", metaspace(scheme, true)},
          {"decoder", metaspace(scheme, true)}};
}

void xglm_finish(TokenizerBuilder& builder) {
  builder.set_template({builder.named("eos_token").value_or("</s>")}, {});
}

Json xlm_roberta_parts(Json& settings, const Backend&, const Json& file) {
  set_sentence_defaults(settings);
  set_default(settings, "mask_token", "<mask>");
  set_default(settings, "add_prefix_space", true);
  const char* scheme = is_set(settings, "add_prefix_space") ? "always" : "never";
  return {{"model", {{"unk_id", 3}}},
          {"normalizer", precompiled_map(file)},
          {"pre_tokenizer", white_space_then_metaspace(scheme)},
          {"decoder", metaspace(scheme, true)}};
}

void xlm_roberta_finish(TokenizerBuilder& builder) {
  builder.set_template({builder.named("bos_token").value_or("<s>")},
                       {builder.named("eos_token").value_or("</s>")});
}

bool is_language_code(const std::string& token) {
  const size_t at = token.find('_');  // "en_XX", "eng_Latn"
  return (at == 2 || at == 3) && token.size() >= 5 && token.find('_', at + 1) == token.npos;
}

/// The language set as src_lang or tgt_lang; "" when it is not.
std::string language(const TokenizerBuilder& builder, const char* setting) {
  const std::string chosen = token_content(builder.settings(), setting);
  if (!chosen.empty()) check_language(chosen, setting, builder.languages().known);
  return chosen;
}

/// Where a class puts the language code.
enum class CodeAt { kBegin, kEnd };

/// Source and target are framed by the end of sentence and their language's code. `fallback` is the
/// class's own source language; without tgt_lang the target has the source's.
void frame_with_languages(TokenizerBuilder& builder, const char* fallback, CodeAt at) {
  TokenizerBuilder::Languages languages;
  for (const std::string& token : builder.special_tokens()) {
    if (is_language_code(token)) languages.known.push_back(token);
  }
  builder.set_languages(languages);
  const std::string set = language(builder, "src_lang"), target = language(builder, "tgt_lang");
  const std::string source = set.empty() ? fallback : set;
  if (!set.empty()) languages.source = builder.id_of(set);
  if (!target.empty()) languages.target = builder.id_of(target);
  builder.set_languages(languages);
  const std::string eos = builder.named("eos_token").value_or("</s>");
  const auto prefix = [&](const std::string& code) {
    return at == CodeAt::kBegin ? std::vector{code} : std::vector<std::string>{};
  };
  const auto suffix = [&](const std::string& code) {
    return at == CodeAt::kBegin ? std::vector{eos} : std::vector{eos, code};
  };
  builder.set_template(prefix(source), suffix(source));
  const std::string aim = target.empty() ? source : target;
  builder.set_target_frame(prefix(aim), suffix(aim));
}

Json mbart_parts(Json& settings, const Backend&, const Json&) {
  set_sentence_defaults(settings);
  make_mask_strip_left(settings, std::nullopt, false);
  Json codes(kMbartCodes);
  const Json given = settings.value("additional_special_tokens", Json::array());
  for (const Json& token : given.is_array() ? given : Json::array()) {
    if (std::find(codes.begin(), codes.end(), token) == codes.end()) codes.push_back(token);
  }
  settings["additional_special_tokens"] = codes;
  return {{"model", {{"unk_id", 3}}},
          {"normalizer", nullptr},
          {"pre_tokenizer", white_space_then_metaspace("always")},
          {"decoder", metaspace("always", true)}};
}

Json mbart50_parts(Json& settings, const Backend&, const Json& file) {
  const std::pair<const char*, const char*> defaults[] = {{"eos_token", "</s>"},
                                                          {"sep_token", "</s>"},
                                                          {"cls_token", "<s>"},
                                                          {"unk_token", "<unk>"},
                                                          {"pad_token", "<pad>"}};
  for (const auto& [name, token] : defaults) set_default(settings, name, token);
  make_mask_strip_left(settings, std::nullopt, false);
  Json codes = is_set(settings, "additional_special_tokens") ? settings["additional_special_tokens"]
                                                             : Json::array();
  for (const LanguageCodes* list : {&kMbartCodes, &kMbart50MoreCodes}) {
    for (const std::string& code : *list) codes.push_back(code);
  }
  settings["additional_special_tokens"] = codes;
  return {{"model", {{"unk_id", 3}}},
          {"normalizer", normalizer_of(file, {replace_regex(" {2,}", " ")})},
          {"pre_tokenizer", metaspace("always", true)},
          {"decoder", metaspace("always", true)}};
}

Json nllb_parts(Json& settings, const Backend&, const Json& file) {
  set_sentence_defaults(settings);
  make_mask_strip_left(settings, true, true);
  const auto given = [&settings](const char* name) {
    return settings.contains(name) && !settings[name].is_null();
  };
  if (!given("extra_special_tokens")) {
    const Json codes = given("additional_special_tokens") ? settings["additional_special_tokens"]
                                                          : Json(kNllbCodes);
    settings["extra_special_tokens"] = codes;
  }
  Json model = {{"dropout", nullptr},
                {"unk_token", token_content(settings, "unk_token")},
                {"continuing_subword_prefix", nullptr},
                {"end_of_word_suffix", nullptr},
                {"fuse_unk", true},
                {"byte_fallback", false},
                {"ignore_merges", false}};
  const bool mapped = !precompiled_map(file).is_null();
  return {
      {"model", model},
      {"normalizer", mapped ? normalizer_of(file, {replace_regex(" {2,}", " ")}) : Json(nullptr)},
      {"pre_tokenizer", metaspace("always", true)},
      {"decoder", metaspace("always", true)}};
}

void nllb_finish(TokenizerBuilder& builder) {
  const bool legacy = is_set(builder.settings(), "legacy_behaviour");
  frame_with_languages(builder, "eng_Latn", legacy ? CodeAt::kEnd : CodeAt::kBegin);
}

void mbart_finish(TokenizerBuilder& builder) {
  frame_with_languages(builder, "en_XX", CodeAt::kEnd);
}
void mbart50_finish(TokenizerBuilder& builder) {
  std::vector<AddedToken> codes;
  for (const LanguageCodes* list : {&kMbartCodes, &kMbart50MoreCodes}) {
    for (const std::string& code : *list) codes.push_back({.content = code, .special = true});
  }
  builder.append_extra(codes);
  frame_with_languages(builder, "en_XX", CodeAt::kBegin);
}

}  // namespace

const ClassRecipe* find_unigram_recipe(const std::string& class_name) {
  static const std::map<std::string, ClassRecipe> recipes = {
      {"T5Tokenizer", {"Unigram", t5_parts, t5_finish}},
      {"PegasusTokenizer", {"Unigram", pegasus_parts, t5_finish}},
      {"XGLMTokenizer", {"Unigram", xglm_parts, xglm_finish}},
      {"XLMRobertaTokenizer", {"Unigram", xlm_roberta_parts, xlm_roberta_finish}},
      {"MBartTokenizer", {"Unigram", mbart_parts, mbart_finish}},
      {"MBart50Tokenizer", {"Unigram", mbart50_parts, mbart50_finish}},
      {"NllbTokenizer", {"BPE", nllb_parts, nllb_finish}},
  };
  const auto found = recipes.find(class_name);
  return found == recipes.end() ? nullptr : &found->second;
}

const ClassRecipe* find_recipe(const std::string& class_name) {
  const ClassRecipe* recipe = find_bpe_recipe(class_name);
  return recipe != nullptr ? recipe : find_unigram_recipe(class_name);
}

}  // namespace inseq::text
