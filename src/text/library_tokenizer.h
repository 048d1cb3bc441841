#pragma once
#include <set>
#include <string>
#include <vector>

#include "text/chat_template.h"
#include "text/readable.h"
#include "text/tokenizer.h"
#include "text/tokenizer_builder.h"

namespace inseq::text {

/// A tokenizer around the tokenizers library, finished: nothing in it changes any more.
class LibraryTokenizer : public Tokenizer {
 public:
  LibraryTokenizer(TokenizerBuilder builder, std::string class_name);

  Encoding encode(std::string_view text, bool add_special_tokens, Side side) const override;
  std::string decode(std::span<const int64_t> ids, bool skip_special_tokens) const override;
  std::string id_to_token(int64_t id, Side side) const override;
  std::optional<int64_t> token_to_id(std::string_view token, Side side) const override;
  std::string readable(int64_t id, Side side) const override;
  std::string tokens_to_string(std::span<const std::string> tokens) const override;
  int64_t vocab_size() const override { return vocab_size_; }
  const SpecialTokens& special() const override { return special_; }
  std::vector<int64_t> special_ids() const override { return special_ids_; }
  const std::string& class_name() const override { return class_name_; }
  std::optional<int64_t> max_length() const override { return max_length_; }
  std::vector<std::string> languages() const override { return languages_.known; }
  std::optional<int64_t> language_id(Side side) const override;
  std::string apply_chat_template(const Json& messages, bool add_generation_prompt,
                                  const Json& extra) const override;

 private:
  std::string class_name_;
  SpecialTokens special_;
  std::vector<int64_t> special_ids_;
  std::optional<int64_t> max_length_;
  Json special_names_;  // "bos_token": "<s>", … for chat templates
  ChatTemplates templates_;
  std::optional<Frame> target_frame_;  // unset: as a source
  TokenizerBuilder::Languages languages_;
  Backend backend_;
  int64_t vocab_size_;
  Spelling spelling_ = Spelling::kPlain;
  std::set<int64_t> added_ids_;  // written as they are, not in the vocabulary's spelling
};

}  // namespace inseq::text
