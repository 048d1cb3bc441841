#include "base/option_info.h"
#include "base/text_distance.h"
#include "inseq/error.h"
#include "text/special_settings.h"
#include "text/tokenizer.h"

namespace inseq::text {
namespace {

using Type = Json::value_t;

OptionInfo setting(const char* name, Type type, const char* summary) {
  return {.name = name, .fallback = nullptr, .summary = summary, .type = type};
}

OptionInfo side(const char* name) {
  OptionInfo out = setting(name, Type::string, "has no effect: texts are neither padded nor cut");
  out.choices = {"left", "right"};
  return out;
}

/// What constructors of tokenizers take.
std::vector<OptionInfo> known_settings() {
  std::vector<OptionInfo> all = {
      setting("add_bos_token", Type::boolean, "begin texts with the BOS token"),
      setting("add_eos_token", Type::boolean, "end texts with the EOS token"),
      setting("add_prefix_space", Type::boolean, "read a text as if a space came before it"),
      setting("additional_special_tokens", Type::discarded, "an older name of the following"),
      setting("extra_special_tokens", Type::discarded, "a list, or an object from names to tokens"),
      setting("chat_template", Type::discarded, "a template, or several by name"),
      setting("clean_up_tokenization_spaces", Type::boolean,
              "PLBART; no effect elsewhere, since Inseq decodes without it"),
      setting("do_lower_case", Type::boolean, "word pieces: read texts in lower case"),
      setting("extra_ids", Type::number_integer, "T5: sentinel tokens"),
      setting("language_codes", Type::string, "M2M-100, PLBART: which set of languages"),
      setting("legacy", Type::boolean, "Llama: the old treatment of spaces"),
      setting("legacy_behaviour", Type::boolean, "NLLB: the language code at the end"),
      setting("mask_token_sent", Type::string, "Pegasus: the mask of sentences"),
      setting("model_max_length", Type::number_float, "tokens that a text should have at most"),
      setting("offset", Type::number_integer, "Pegasus: ids before the vocabulary's"),
      setting("separate_vocabs", Type::boolean, "Marian: two vocabularies"),
      setting("split_special_tokens", Type::boolean, "special tokens in texts are plain text"),
      setting("src_lang", Type::string, "language of the source, as the model names it"),
      setting("strip_accents", Type::boolean, "word pieces: read texts without accents"),
      setting("tgt_lang", Type::string, "language of the target"),
      setting("tokenize_chinese_chars", Type::boolean, "word pieces: ideographs stand alone"),
      setting("trim_offsets", Type::boolean, "byte-level BPE: tokens' places without spaces"),
      setting("use_fast", Type::boolean, "has no effect, as in transformers 5"),
      setting("trust_remote_code", Type::boolean, "has no effect: no code is ever run"),
      side("padding_side"),
      side("truncation_side"),
  };
  for (const char* name : kSpecialNames) all.push_back(setting(name, Type::discarded, "a token"));
  return all;
}

bool is_token(const Json& value) { return value.is_null() || parse_added_token(value).has_value(); }

}  // namespace

void check_settings(const Json& settings) {
  static const std::vector<OptionInfo> known = known_settings();
  INSEQ_CHECK(settings.is_object(), InvalidOption, "tokenizer settings are ", settings.type_name(),
              ", needed an object such as {\"add_bos_token\": true}");
  std::vector<std::string> names;
  for (const OptionInfo& option : known) names.push_back(option.name);
  for (const auto& [name, value] : settings.items()) {
    INSEQ_CHECK(has_option(known, name), InvalidOption, "unknown tokenizer option \"", name, "\"",
                did_you_mean(name, names), " (there are ", join_choices(names), ")");
    INSEQ_CHECK(!is_special_name(name) || is_token(value), InvalidOption, "tokenizer option \"",
                name, "\" is ", value.type_name(), ", needed is a token: a text, or an object ",
                "with \"content\"");
  }
  complete_options(known, settings, "the tokenizer");
}

}  // namespace inseq::text
