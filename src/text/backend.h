#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/added_token.h"
#include "text/inseq_text.h"
#include "text/tokenizer.h"

namespace inseq::text {

using Merges = std::vector<std::pair<std::string, std::string>>;

/// The tokenizer of the Rust library: vocabulary, model, splitting, added tokens. What transformers
/// calls backend_tokenizer. Failures to build throw FormatError that begins with the `name` of the
/// file.
class Backend {
 public:
  /// A whole tokenizer.json.
  static Backend from_json(std::string_view json, const std::string& name);
  /// The contents of vocab.json and merges.txt; only the model, no splitting yet.
  static Backend from_vocab_and_merges(std::string_view vocabulary, std::string_view merges,
                                       const std::string& name);
  /// The content of vocab.txt: one WordPiece token a line.
  static Backend from_word_pieces(std::string_view vocabulary, const std::string& name);
  /// Byte-pair encoding; token i has id i, and of equal tokens the last one counts.
  static Backend from_lists(std::span<const std::string> tokens, const Merges& merges,
                            const std::string& name);
  /// Unigram; tokens and scores have the same length.
  static Backend from_scores(std::span<const std::string> tokens, std::span<const double> scores,
                             size_t unknown_id, const std::string& name);

  /// Everything but the vocabulary, with the names of tokenizer.json.
  Json describe() const;
  /// Replaces the named parts; "model" holds settings and drops the added tokens.
  void assemble(const Json& parts);
  void add_tokens(const std::vector<AddedToken>& tokens);

  Encoding encode(std::string_view text, bool add_special_tokens) const;
  std::string decode(std::span<const uint32_t> ids, bool skip_special_tokens) const;
  std::string tokens_to_string(std::span<const std::string> tokens) const;
  std::optional<std::string> id_to_token(uint32_t id) const;
  std::optional<int64_t> token_to_id(std::string_view token) const;
  int64_t vocab_size() const;  ///< with added tokens

 private:
  struct Free {
    void operator()(ItTokenizer* tokenizer) const { it_tokenizer_free(tokenizer); }
  };
  Backend(ItTokenizer* handle, std::string name) : handle_(handle), name_(std::move(name)) {}
  std::unique_ptr<ItTokenizer, Free> handle_;
  std::string name_;
};

/// A chat template rendered with the variables in `context`. Throws InvalidArgument with the
/// template's complaint.
std::string render_template(std::string_view chat_template, const Json& context);

/// Unicode's lower case, as Python's str.lower(). The text must be valid UTF-8.
std::string lowercase(std::string_view text);

}  // namespace inseq::text
