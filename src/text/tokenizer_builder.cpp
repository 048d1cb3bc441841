#include "text/tokenizer_builder.h"

#include <algorithm>

#include "inseq/error.h"

namespace inseq::text {
namespace {

bool is_added_token(const Json& value) {
  return value.is_string() || (value.is_object() && value.contains("content"));
}

/// One entry of the special tokens in the `named` list, replaced or appended.
void set_named(std::vector<std::pair<std::string, AddedToken>>& named, const std::string& name,
               const AddedToken& token) {
  const auto found = std::find_if(named.begin(), named.end(),
                                  [&name](const auto& entry) { return entry.first == name; });
  if (found == named.end()) {
    named.emplace_back(name, token);
  } else {
    found->second = token;
  }
}

Json template_piece(const std::string& token) {
  return {{"SpecialToken", {{"id", token}, {"type_id", 0}}}};
}

}  // namespace

bool is_special_name(std::string_view name) {
  return std::find(std::begin(kSpecialNames), std::end(kSpecialNames), name) !=
         std::end(kSpecialNames);
}

bool is_set(const Json& settings, const char* name) {
  const auto found = settings.find(name);
  if (found == settings.end() || found->is_null()) return false;
  if (found->is_boolean()) return found->get<bool>();
  if (found->is_number()) return found->get<double>() != 0;
  if (found->is_string()) return !found->get_ref<const std::string&>().empty();
  return !found->empty();
}

TokenizerBuilder::TokenizerBuilder(Backend backend, Json settings,
                                   std::map<int64_t, AddedToken> added)
    : backend_(std::move(backend)), settings_(std::move(settings)), added_(std::move(added)) {}

void TokenizerBuilder::initialise() {
  const Json description = backend_.describe();
  // A tokenizer.json may say how to pad. Batching is the caller's, but its padding token counts.
  if (description["padding"].is_object() && !settings_.contains("pad_token")) {
    settings_["pad_token"] = description["padding"]["pad_token"];
  }
  backend_.assemble(
      {{"padding", nullptr}, {"encode_special_tokens", is_set(settings_, "split_special_tokens")}});
  read_special_tokens();
  add_missing_tokens();
  const bool asked = settings_.contains("add_bos_token") || settings_.contains("add_eos_token");
  if (asked || description["post_processor"].is_null()) update_post_processor();
}

void TokenizerBuilder::read_special_tokens() {
  named_.clear();
  extra_.clear();
  if (settings_.contains("additional_special_tokens") &&
      !settings_.contains("extra_special_tokens")) {
    settings_["extra_special_tokens"] = settings_["additional_special_tokens"];
  }
  for (const char* name : kSpecialNames) {
    const auto value = settings_.find(name);
    if (value == settings_.end() || value->is_null()) continue;
    const std::optional<AddedToken> token = parse_added_token(*value);
    INSEQ_CHECK(token.has_value(), FormatError, "tokenizer settings: ", name, " is ",
                value->type_name(),
                ", it must be a token: a string, or an object with \"content\"");
    named_.emplace_back(name, *token);
  }
  const auto add_model_specific = [this](const Json& tokens) {
    for (const auto& [name, value] : tokens.items()) {
      if (const auto token = parse_added_token(value)) set_named(named_, name, *token);
    }
  };
  if (settings_.contains("extra_special_tokens")) {
    const Json& extra = settings_["extra_special_tokens"];
    if (extra.is_object()) add_model_specific(extra);
    for (const Json& value : extra.is_array() ? extra : Json::array()) {
      if (const auto token = parse_added_token(value)) extra_.push_back(*token);
    }
  }
  Json specific = Json::object();
  for (const auto& [name, value] : settings_.items()) {
    if (name.ends_with("_token") && !is_special_name(name) && is_added_token(value))
      specific[name] = value;
  }
  add_model_specific(specific);
  const auto listed = settings_.find("model_specific_special_tokens");
  if (listed != settings_.end() && listed->is_object()) add_model_specific(*listed);
}

void TokenizerBuilder::add_missing_tokens() {
  std::vector<AddedToken> present;
  const Json description = backend_.describe();
  for (const Json& entry : description["added_tokens"])
    present.push_back(*parse_added_token(entry));
  std::vector<AddedToken> missing;
  for (const auto& [id, token] : added_) {
    const auto same = [&token](const AddedToken& other) { return token.behaves_as(other); };
    if (std::none_of(present.begin(), present.end(), same)) missing.push_back(token);
  }
  std::vector<std::string> known;
  for (const auto* list : {&present, &missing}) {
    for (const AddedToken& token : *list) known.push_back(token.content);
  }
  const auto add_unless_known = [&](const AddedToken& token) {
    const auto same = [&token](const AddedToken& other) {
      return token.plain == other.plain &&
             (token.plain ? token.content == other.content : token.behaves_as(other));
    };
    if (std::find(known.begin(), known.end(), token.content) == known.end() &&
        std::none_of(missing.begin(), missing.end(), same)) {
      missing.push_back(token);
    }
  };
  for (const auto& [name, token] : named_) add_unless_known(token);
  for (const AddedToken& token : extra_) add_unless_known(token);
  for (AddedToken& token : missing) {
    const auto has_name = [&token](const auto& entry) {
      return entry.second.content == token.content;
    };
    if (token.plain || std::any_of(named_.begin(), named_.end(), has_name)) token.special = true;
  }
  if (!missing.empty()) backend_.add_tokens(missing);
}

void TokenizerBuilder::append_extra(const std::vector<AddedToken>& tokens) {
  for (const AddedToken& token : tokens) {
    const auto same = [&token](const AddedToken& other) { return token.content == other.content; };
    if (std::none_of(extra_.begin(), extra_.end(), same)) extra_.push_back(token);
  }
}

std::optional<std::string> TokenizerBuilder::named(std::string_view name) const {
  for (const auto& [known, token] : named_) {
    if (known == name) return token.content;
  }
  return std::nullopt;
}

int64_t TokenizerBuilder::id_of(const std::string& token) const {
  if (const auto id = backend_.token_to_id(token)) return *id;
  const auto unknown = named("unk_token");
  return unknown ? backend_.token_to_id(*unknown).value_or(-1) : -1;
}

std::vector<std::string> TokenizerBuilder::special_tokens() const {
  std::vector<std::string> all;
  const auto add = [&all](const std::string& token) {
    if (std::find(all.begin(), all.end(), token) == all.end()) all.push_back(token);
  };
  for (const auto& [name, token] : named_) add(token.content);
  for (const AddedToken& token : extra_) add(token.content);
  return all;
}

void TokenizerBuilder::update_post_processor() {
  const auto bos = named("bos_token"), eos = named("eos_token");
  std::vector<std::string> prefix, suffix;
  if (bos && is_set(settings_, "add_bos_token")) prefix.push_back(*bos);
  if (eos && is_set(settings_, "add_eos_token")) suffix.push_back(*eos);
  set_template(prefix, suffix);
}

void TokenizerBuilder::set_template(const std::vector<std::string>& prefix,
                                    const std::vector<std::string>& suffix) {
  Json single = Json::array(), pair = Json::array(), ids = Json::object();
  const auto add_special = [&](const std::vector<std::string>& tokens) {
    for (const std::string& token : tokens) {
      const int64_t id = id_of(token);
      INSEQ_CHECK(id >= 0, FormatError, "the tokenizer adds the special token \"", token,
                  "\" to every text, but its vocabulary has none");
      single.push_back(template_piece(token));
      ids[token] = {{"id", token}, {"ids", {id}}, {"tokens", {token}}};
    }
  };
  add_special(prefix);
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  add_special(suffix);
  // Pairs of texts are never encoded here, but the library asks for a template that has both.
  pair.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
  const Json processor = {
      {"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", ids}};
  backend_.assemble({{"post_processor", processor}});
}

}  // namespace inseq::text
