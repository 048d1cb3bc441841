#include "text/piece_model.h"

#include <map>

#include "base/text_distance.h"
#include "inseq/error.h"
#include "text/json_file.h"
#include "text/piece_classes.h"

namespace inseq::text {
namespace {

using Loader = std::unique_ptr<PieceModel> (*)(const std::string&, Json&);

const std::map<std::string, Loader>& loaders() {
  static const std::map<std::string, Loader> all = {
      {"MarianTokenizer", load_marian},
      {"M2M100Tokenizer", load_m2m100},
      {"PLBartTokenizer", load_plbart},
      {"BlenderbotSmallTokenizer", load_blenderbot_small}};
  return all;
}

}  // namespace

bool is_piece_class(const std::string& class_name) { return loaders().contains(class_name); }

std::unique_ptr<PieceModel> load_piece_model(const std::string& class_name,
                                             const std::string& folder, Json& settings) {
  const auto found = loaders().find(class_name);
  return found == loaders().end() ? nullptr : found->second(folder, settings);
}

WordList::WordList(const std::string& folder, const char* file, const std::string& unknown) {
  const std::string name = folder + "/" + file;
  for (const auto& [token, id] : read_entries(folder, file)) {
    INSEQ_CHECK(id.is_number_unsigned() && id.get<uint64_t>() < (uint64_t{1} << 31), FormatError,
                name, ": \"", token, "\" has no id (a whole number from 0)");
    if (ids_.insert_or_assign(token, id.get<int64_t>()).second) tokens_.push_back(token);
  }
  for (const std::string& token : tokens_)
    by_id_[ids_.at(token)] = token;  // of two tokens with one id the last counts
  const auto found = find(unknown);
  INSEQ_CHECK(found.has_value(), FormatError, name, ": has no entry \"", unknown,
              "\", the unknown token");
  unknown_ = *found;
}

std::optional<int64_t> WordList::find(const std::string& token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> WordList::token_of(int64_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? std::nullopt : std::optional(found->second);
}

void check_files(const std::string& folder, const std::string& class_name,
                 std::initializer_list<const char*> files) {
  std::vector<std::string> missing;
  for (const char* file : files) {
    if (!has_file(folder, file)) missing.emplace_back(file);
  }
  INSEQ_CHECK(missing.empty(), InvalidArgument, folder, ": its tokenizer is a ", class_name,
              ", which needs ", join_choices(missing), "; copy ",
              missing.size() == 1 ? "it" : "them", " from where the model came from");
}

SentencePieces load_spm(const std::string& folder, const char* file) {
  return SentencePieces(read_file(folder, file), folder + "/" + file);
}

std::string join_around_special(const SentencePieces& pieces, std::span<const std::string> tokens,
                                const std::set<std::string>& special, const char* after) {
  std::string text;
  size_t begin = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!special.contains(tokens[i])) continue;
    text += pieces.join(tokens.subspan(begin, i - begin)) + tokens[i] + after;
    begin = i + 1;
  }
  return text + pieces.join(tokens.subspan(begin));
}

std::optional<std::string> chosen_language(const Json& settings, const char* setting,
                                           const LanguageCodes& known) {
  std::string chosen = token_content(settings, setting);
  if (chosen.empty()) return std::nullopt;
  check_language(chosen, setting, known);
  return chosen;
}

}  // namespace inseq::text
