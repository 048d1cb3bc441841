#include "text/tokenizer_builder.h"

#include <algorithm>

#include "inseq/error.h"

namespace inseq::text {
namespace {

Json template_piece(const std::string& token) {
  return {{"SpecialToken", {{"id", token}, {"type_id", 0}}}};
}

}  // namespace

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
  auto [named, extra] = read_special_tokens(settings_);
  named_ = std::move(named);
  extra_ = std::move(extra);
  add_missing_tokens();
  const bool asked = settings_.contains("add_bos_token") || settings_.contains("add_eos_token");
  if (asked || description["post_processor"].is_null()) update_post_processor();
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
  return SpecialTokenSettings{named_, extra_}.content(name);
}

int64_t TokenizerBuilder::id_of(const std::string& token) const {
  if (const auto id = backend_.token_to_id(token)) return *id;
  const auto unknown = named("unk_token");
  return unknown ? backend_.token_to_id(*unknown).value_or(-1) : -1;
}

std::vector<std::string> TokenizerBuilder::special_tokens() const {
  return SpecialTokenSettings{named_, extra_}.all();
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

void TokenizerBuilder::set_target_frame(const std::vector<std::string>& prefix,
                                        const std::vector<std::string>& suffix) {
  Frame frame;
  for (const std::string& token : prefix) frame.prefix.push_back(id_of(token));
  for (const std::string& token : suffix) frame.suffix.push_back(id_of(token));
  target_frame_ = frame;
}

}  // namespace inseq::text
