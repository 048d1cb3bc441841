#include <algorithm>
#include <map>

#include "text/class_recipe.h"

namespace inseq::text {
namespace {

using Codes = std::vector<const char*>;

/// The language codes of mBART, and those that mBART-50 has besides.
const Codes kMbartCodes = {"ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI",
                           "fr_XX", "gu_IN", "hi_IN", "it_IT", "ja_XX", "kk_KZ", "ko_KR",
                           "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO", "ru_RU",
                           "si_LK", "tr_TR", "vi_VN", "zh_CN"};
const Codes kMbart50Codes = {"af_ZA", "az_AZ", "bn_IN", "fa_IR", "he_IL", "hr_HR", "id_ID",
                             "ka_GE", "km_KH", "mk_MK", "ml_IN", "mn_MN", "mr_IN", "pl_PL",
                             "ps_AF", "pt_XX", "sv_SE", "sw_KE", "ta_IN", "te_IN", "th_TH",
                             "tl_XX", "uk_UA", "ur_PK", "xh_ZA", "gl_ES", "sl_SI"};

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

/// The language code set as src_lang, or the default of the class.
std::string source_language(const TokenizerBuilder& builder, const char* fallback) {
  const std::string language = token_content(builder.settings(), "src_lang");
  return language.empty() ? fallback : language;
}

/// text, end of sentence, language.
void language_last(TokenizerBuilder& builder, const char* fallback) {
  const std::string eos = builder.named("eos_token").value_or("</s>");
  builder.set_template({}, {eos, source_language(builder, fallback)});
}

/// language, text, end of sentence.
void language_first(TokenizerBuilder& builder, const char* fallback) {
  const std::string eos = builder.named("eos_token").value_or("</s>");
  builder.set_template({source_language(builder, fallback)}, {eos});
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
  for (const Codes* list : {&kMbartCodes, &kMbart50Codes}) {
    for (const char* code : *list) codes.push_back(code);
  }
  settings["additional_special_tokens"] = codes;
  return {{"model", {{"unk_id", 3}}},
          {"normalizer", normalizer_of(file, {replace_regex(" {2,}", " ")})},
          {"pre_tokenizer", metaspace("always", true)},
          {"decoder", metaspace("always", true)}};
}

/// Whether a token looks like a language code of NLLB, "eng_Latn".
bool is_nllb_code(const std::string& token) {
  return token.size() == 8 && token[3] == '_' && token[4] >= 'A' && token[4] <= 'Z';
}

Json nllb_parts(Json& settings, const Backend&, const Json& file) {
  set_sentence_defaults(settings);
  make_mask_strip_left(settings, true, true);
  const auto given = [&settings](const char* name) {
    return settings.contains(name) && !settings[name].is_null();
  };
  if (!given("extra_special_tokens")) {
    Json codes = Json::array();
    if (given("additional_special_tokens")) {
      codes = settings["additional_special_tokens"];
    } else {
      for (const Json& token : file.value("added_tokens", Json::array())) {
        const std::string content = token.value("content", "");
        if (is_nllb_code(content)) codes.push_back(content);
      }
    }
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
  is_set(builder.settings(), "legacy_behaviour") ? language_last(builder, "eng_Latn")
                                                 : language_first(builder, "eng_Latn");
}

void mbart_finish(TokenizerBuilder& builder) { language_last(builder, "en_XX"); }
void mbart50_finish(TokenizerBuilder& builder) {
  std::vector<AddedToken> codes;
  for (const Codes* list : {&kMbartCodes, &kMbart50Codes}) {
    for (const char* code : *list) codes.push_back({.content = code, .special = true});
  }
  builder.append_extra(codes);
  language_first(builder, "en_XX");
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
