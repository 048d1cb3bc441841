#include "text/added_token.h"

namespace inseq::text {

bool AddedToken::behaves_as(const AddedToken& other) const {
  return content == other.content && single_word == other.single_word && lstrip == other.lstrip &&
         rstrip == other.rstrip && is_normalized() == other.is_normalized() &&
         special == other.special;
}

std::optional<AddedToken> parse_added_token(const Json& value) {
  AddedToken token;
  if (value.is_string()) {
    token.content = value.get<std::string>();
    token.plain = true;
    return token;
  }
  if (!value.is_object() || !value.contains("content") || !value["content"].is_string()) {
    return std::nullopt;
  }
  const auto flag = [&value](const char* name) {
    const auto found = value.find(name);
    return found != value.end() && found->is_boolean() && found->get<bool>();
  };
  token.content = value["content"].get<std::string>();
  token.single_word = flag("single_word");
  token.lstrip = flag("lstrip");
  token.rstrip = flag("rstrip");
  token.special = flag("special");
  if (value.contains("normalized") && value["normalized"].is_boolean()) {
    token.normalized = value["normalized"].get<bool>();
  }
  return token;
}

Json to_json(const AddedToken& token) {
  return {{"content", token.content},
          {"single_word", token.single_word},
          {"lstrip", token.lstrip},
          {"rstrip", token.rstrip},
          {"normalized", token.is_normalized()},
          {"special", token.special}};
}

Json to_setting(const AddedToken& token) {
  if (token.plain) return token.content;
  Json setting = to_json(token);
  if (!token.normalized) setting.erase("normalized");
  setting["__type"] = "AddedToken";
  return setting;
}

}  // namespace inseq::text
