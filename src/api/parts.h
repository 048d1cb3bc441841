#pragma once
#include "inseq/attribution_model.h"
#include "models/stack/architecture.h"
#include "text/tokenizer.h"

namespace inseq {

/// The special tokens that Inseq works with, which come from the configuration before the
/// tokenizer.
struct ModelTokens {
  int64_t bos = -1;  ///< begins a target: decoder_start_token_id where there is one; -1: none
  int64_t eos = -1;
  int64_t pad = -1;
  int64_t unk = -1;  ///< what baselines are made of
};

/// What a loaded model consists of.
struct AttributionModel::Parts {
  std::string name;        ///< as the user gave it
  std::string class_name;  ///< transformers' class
  models::Config config;
  Json generation_config;
  std::unique_ptr<text::Tokenizer> tokenizer;
  std::unique_ptr<const models::LanguageModel> model;
  ModelTokens tokens;
  /// The token that translations begin with because the user chose a language (tgt_lang).
  std::optional<int64_t> chosen_language = {};

  bool has_encoder() const { return model->sizes().has_encoder(); }

  /// Ids of a text that a model reads: a source, or for decoder-only models a prompt or target.
  std::vector<int64_t> ids_of(const std::string& text, bool add_special_tokens) const;
  /// Ids of a target: with an encoder the start token and the target-side encoding, else as ids_of.
  std::vector<int64_t> target_ids_of(const std::string& text, bool add_special_tokens) const;
  /// A text to explain.
  struct Pair {
    std::vector<int64_t> source;  // empty for decoder-only models
    std::vector<int64_t> target;
    int64_t prompt = 1;  // target tokens that are given, not generated
  };
  Pair pair_of(const std::string& text, const std::string& generated,
               bool add_special_tokens) const;
  /// Throws InvalidArgument unless `generated` begins with `text`, or with what the tokenizer makes
  /// of it: its tokens are then the first ones.
  void check_continuation(const std::string& text, const std::string& generated,
                          bool add_special_tokens) const;
  /// Makes an empty text a BOS token, for decoder-only models; whether it did. Throws
  /// InvalidArgument when there is no such token.
  bool replace_empty(std::string& text) const;
  /// Throws InvalidArgument for a source of special tokens alone or with too many tokens.
  void check_source(const std::vector<int64_t>& ids) const;
  /// Continues texts; with an encoder, the outputs alone. `prefixes`: what outputs begin with, or
  /// empty.
  std::vector<std::string> generate(const std::vector<std::string>& texts,
                                    const std::vector<std::string>& prefixes,
                                    const AttributeOptions& how) const;
  std::vector<Token> tokens_of(const std::vector<int64_t>& ids,
                               text::Side side = text::Side::kTarget) const;

 private:
  std::string decoded_generation(std::span<const int64_t> ids, const std::string& text,
                                 bool is_one_of_several, std::optional<bool> skip_special) const;
  std::vector<int64_t> encoded(const std::string& text, bool add_special_tokens,
                               text::Side side) const;
};

/// Throws InvalidOption for options of generation that no model would take.
void check_generation_args(const Json& given);

}  // namespace inseq
