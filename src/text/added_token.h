#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace inseq::text {

using Json = nlohmann::ordered_json;

/// A token that is found in the text before the tokenizer's model sees it (the AddedToken of
/// transformers).
struct AddedToken {
  std::string content;
  bool single_word = false;          ///< only as a whole word
  bool lstrip = false;               ///< takes the white space on its left with it
  bool rstrip = false;               ///< takes the white space on its right with it
  std::optional<bool> normalized{};  ///< matched in the normalised text; unset: when not special
  bool special = false;              ///< left out by decode(skip_special_tokens)
  bool plain =
      false;  ///< given as a string; equal tokens given in both ways differ in transformers

  bool is_normalized() const { return normalized.value_or(!special); }
  /// Whether both match the same text in the same way.
  bool behaves_as(const AddedToken& other) const;
};

/// A token written as a string or as an object with "content". nullopt for anything else.
std::optional<AddedToken> parse_added_token(const Json& value);
/// As in tokenizer.json, with every field.
Json to_json(const AddedToken& token);
/// As in tokenizer_config.json: a string when it was given as one.
Json to_setting(const AddedToken& token);

}  // namespace inseq::text
