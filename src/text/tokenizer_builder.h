#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/added_token.h"
#include "text/backend.h"
#include "text/special_settings.h"

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

  /// The languages of a translation model.
  struct Languages {
    std::vector<std::string> known;
    std::optional<int64_t> source, target;  // tokens of the chosen ones
  };
  void set_languages(Languages languages) { languages_ = std::move(languages); }
  const Languages& languages() const { return languages_; }

  /// What a target is put between, where that differs from a source: ids before and after it.
  void set_target_frame(const std::vector<std::string>& prefix,
                        const std::vector<std::string>& suffix);
  const std::optional<Frame>& target_frame() const { return target_frame_; }

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
  void add_missing_tokens();

  Backend backend_;
  Json settings_;
  std::map<int64_t, AddedToken> added_;
  std::vector<std::pair<std::string, AddedToken>>
      named_;                      // the seven standard names first, then the model's own
  std::vector<AddedToken> extra_;  // without a name
  std::optional<Frame> target_frame_;
  Languages languages_;
};

}  // namespace inseq::text
