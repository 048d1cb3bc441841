#pragma once
#include "inseq/attribution_model.h"
#include "models/stack/architecture.h"
#include "text/tokenizer.h"

namespace inseq {

/// The special tokens that Inseq works with, which come from the configuration before the
/// tokenizer.
struct ModelTokens {
  int64_t bos = -1;  ///< -1: none
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

  /// Ids of a text; a BOS token that the text already carries is not doubled.
  std::vector<int64_t> ids_of(const std::string& text, bool add_special_tokens) const;
  std::vector<Token> tokens_of(const std::vector<int64_t>& ids) const;
};

}  // namespace inseq
