#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/added_token.h"
#include "text/backend.h"

namespace inseq::text {

/// A tokenizer in the making, with the state that transformers' TokenizersBackend keeps beside its
/// backend. The order of the steps below decides which ids added tokens get, so it is the order of
/// transformers 5.23.
class TokenizerBuilder {
 public:
  /// `settings` are the constructor's keyword arguments; added tokens are objects with "__type":
  /// "AddedToken". `added` is added_tokens_decoder of tokenizer_config.json, by id.
  TokenizerBuilder(Backend backend, Json settings, std::map<int64_t, AddedToken> added);

  /// Resolves the special tokens, adds those the backend lacks and sets the template of BOS and
  /// EOS.
  void initialise();

  /// The template [bos] text [eos] according to add_bos_token and add_eos_token.
  void update_post_processor();
  /// The template prefix... text suffix..., each with its id.
  void set_template(const std::vector<std::string>& prefix, const std::vector<std::string>& suffix);

  /// The content of a named special token such as "bos_token"; nullopt when it is not set.
  std::optional<std::string> named(std::string_view name) const;
  /// As convert_tokens_to_ids: the id of the unknown token for a token without one, -1 when there
  /// is none.
  int64_t id_of(const std::string& token) const;
  /// all_special_tokens: the named ones in transformers' order, then the others, each once.
  std::vector<std::string> special_tokens() const;
  /// The named ones, for chat templates.
  const std::vector<std::pair<std::string, AddedToken>>& named_tokens() const { return named_; }
  const std::vector<AddedToken>& extra_tokens() const { return extra_; }

  /// Counts more tokens as special, those that are not yet, without telling the backend.
  void append_extra(const std::vector<AddedToken>& tokens);

  Backend& backend() { return backend_; }
  const Json& settings() const { return settings_; }

 private:
  void read_special_tokens();
  void add_missing_tokens();

  Backend backend_;
  Json settings_;
  std::map<int64_t, AddedToken> added_;
  std::vector<std::pair<std::string, AddedToken>>
      named_;                      // the seven standard names first, then the model's own
  std::vector<AddedToken> extra_;  // without a name
};

/// The names every tokenizer may have a token for, in transformers' order.
inline constexpr const char* kSpecialNames[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                                "pad_token", "cls_token", "mask_token"};
bool is_special_name(std::string_view name);

/// Whether a setting is there and Python would call it true.
bool is_set(const Json& settings, const char* name);

}  // namespace inseq::text
