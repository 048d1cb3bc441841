#pragma once
#include <initializer_list>
#include <unordered_map>

#include "text/class_recipe.h"
#include "text/piece_model.h"

namespace inseq::text {

std::unique_ptr<PieceModel> load_marian(const std::string& folder, Json& settings);
std::unique_ptr<PieceModel> load_m2m100(const std::string& folder, Json& settings);
std::unique_ptr<PieceModel> load_plbart(const std::string& folder, Json& settings);
std::unique_ptr<PieceModel> load_blenderbot_small(const std::string& folder, Json& settings);

/// A vocab.json: tokens and their ids.
class WordList {
 public:
  /// `unknown` must be one of the tokens.
  WordList(const std::string& folder, const char* file, const std::string& unknown);
  std::optional<int64_t> find(const std::string& token) const;
  int64_t id_of(const std::string& token) const { return find(token).value_or(unknown_); }
  std::optional<std::string> token_of(int64_t id) const;
  int64_t size() const { return static_cast<int64_t>(ids_.size()); }
  const std::vector<std::string>& tokens() const { return tokens_; }  ///< as the file lists them

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int64_t> ids_;
  std::unordered_map<int64_t, std::string> by_id_;
  int64_t unknown_ = 0;
};

/// Throws InvalidArgument naming those of the files that the folder has not.
void check_files(const std::string& folder, const std::string& class_name,
                 std::initializer_list<const char*> files);
SentencePieces load_spm(const std::string& folder, const char* file);

/// Special tokens as they are with `after` behind each, what is between them joined by `pieces`.
std::string join_around_special(const SentencePieces& pieces, std::span<const std::string> tokens,
                                const std::set<std::string>& special, const char* after);

/// The language named by a setting, one of `known`; nullopt when it is not set.
std::optional<std::string> chosen_language(const Json& settings, const char* setting,
                                           const LanguageCodes& known);

}  // namespace inseq::text
