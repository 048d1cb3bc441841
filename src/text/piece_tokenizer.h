#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "text/chat_template.h"
#include "text/folder_settings.h"
#include "text/piece_model.h"
#include "text/special_settings.h"
#include "text/tokenizer.h"

namespace inseq::text {

/// A tokenizer of transformers' PythonBackend: added tokens are cut out of the text, the rest goes
/// to the class's own model.
class PieceTokenizer : public Tokenizer {
 public:
  PieceTokenizer(std::unique_ptr<PieceModel> model, FolderSettings gathered,
                 std::string class_name);

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
  std::vector<std::string> languages() const override { return model_->languages(); }
  std::optional<int64_t> language_id(Side side) const override { return model_->language_id(side); }
  std::string apply_chat_template(const Json& messages, bool add_generation_prompt,
                                  const Json& extra) const override;

 private:
  void add_tokens(const SpecialTokenSettings& special);
  void add(int64_t id, const AddedToken& token);
  int64_t id_of(const std::string& token, Side side) const;
  /// The text cut at added tokens, white space beside them taken as they say.
  std::vector<TextPiece> cut(std::string_view text) const;
  std::vector<TextPiece> split(std::string_view text, Side side) const;

  std::unique_ptr<PieceModel> model_;
  std::string class_name_;
  std::map<int64_t, AddedToken> added_;       // by id
  std::map<std::string, int64_t> added_ids_;  // by content
  std::set<std::string> cut_at_;              // contents that split a text
  std::set<std::string> special_tokens_;
  bool splits_special_ = false;
  SpecialTokens special_;
  std::vector<int64_t> special_ids_;
  std::optional<int64_t> max_length_;
  Json special_names_;
  ChatTemplates templates_;
  int64_t vocab_size_ = 0;
};

}  // namespace inseq::text
