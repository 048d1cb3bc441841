#include "text/piece_tokenizer.h"

#include "base/utf8.h"
#include "inseq/error.h"
#include "text/readable.h"
#include "text/white_space.h"

namespace inseq::text {
namespace {

/// The longest of `contents` at the start of `text`; "" when there is none.
std::string_view longest_at(std::string_view text, const std::set<std::string>& contents) {
  std::string_view found;
  for (const std::string& content : contents) {
    if (content.size() > found.size() && text.starts_with(content)) found = content;
  }
  return found;
}

TextPiece piece_of(std::string_view text, size_t begin, size_t end) {
  return {std::string(text.substr(begin, end - begin)), begin, end};
}

}  // namespace

PieceTokenizer::PieceTokenizer(std::unique_ptr<PieceModel> model, FolderSettings gathered,
                               std::string class_name)
    : model_(std::move(model)),
      class_name_(std::move(class_name)),
      splits_special_(is_set(gathered.settings, "split_special_tokens")),
      max_length_(read_max_length(gathered.settings)),
      special_names_(Json::object()),
      templates_(gathered.settings.value("chat_template", Json())) {
  for (const auto& [id, token] : gathered.added) add(id, token);
  const SpecialTokenSettings special = read_special_tokens(gathered.settings);
  add_tokens(special);
  for (const std::string& token : special.all()) special_tokens_.insert(token);
  for (const auto& [name, token] : special.named) special_names_[name] = token.content;
  const auto named = [&](const char* name) -> int64_t {
    const auto token = special.content(name);
    return token ? id_of(*token, Side::kSource) : -1;
  };
  special_ = {.bos = named("bos_token"),
              .eos = named("eos_token"),
              .pad = named("pad_token"),
              .unk = named("unk_token")};
  for (const std::string& token : special.all())
    special_ids_.push_back(id_of(token, Side::kSource));
  vocab_size_ = model_->size();
  for (const auto& [content, id] : added_ids_) {
    if (!model_->entry(content, Side::kSource)) ++vocab_size_;
  }
}

void PieceTokenizer::add(int64_t id, const AddedToken& token) {
  added_[id] = token;
  added_ids_[token.content] = id;
  if (!token.content.empty()) cut_at_.insert(token.content);
}

void PieceTokenizer::add_tokens(const SpecialTokenSettings& special) {
  int64_t next = model_->first_added_id();
  for (const auto& [content, id] : added_ids_) {
    if (!model_->entry(content, Side::kSource)) ++next;
  }
  for (const std::string& content : special.all()) {
    if (content.empty() || added_ids_.contains(content)) continue;
    const auto entry = model_->entry_to_add(content);
    add(entry ? *entry : next++, {.content = content, .normalized = false, .special = true});
  }
  for (const std::string& content : model_->reserved()) {
    const auto found = added_ids_.find(content);
    if (found == added_ids_.end()) continue;
    added_.erase(found->second);
    added_ids_.erase(found);
  }
}

int64_t PieceTokenizer::id_of(const std::string& token, Side side) const {
  const auto found = added_ids_.find(token);
  return found != added_ids_.end() ? found->second : model_->id_of(token, side);
}

std::vector<TextPiece> PieceTokenizer::cut(std::string_view text) const {
  std::vector<TextPiece> parts;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const std::string_view found = longest_at(text.substr(at), cut_at_);
    if (found.empty()) {
      at += code_point_at(text, at).length;
      continue;
    }
    if (at > begin) parts.push_back(piece_of(text, begin, at));
    parts.push_back(piece_of(text, at, at + found.size()));
    begin = at += found.size();
  }
  if (begin < text.size()) parts.push_back(piece_of(text, begin, text.size()));
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto found = added_ids_.find(parts[i].token);
    if (found == added_ids_.end()) continue;
    const auto added = added_.find(found->second);
    if (added == added_.end()) continue;  // shared its id with a token of the class's own
    const AddedToken& token = added->second;
    if (token.rstrip && i + 1 < parts.size()) {
      const size_t kept = parts[i + 1].token.size();
      parts[i + 1].token = std::string(without_leading_space(parts[i + 1].token));
      parts[i + 1].begin += kept - parts[i + 1].token.size();
    }
    if (token.lstrip && i > 0) {
      parts[i - 1].token = std::string(without_trailing_space(parts[i - 1].token));
      parts[i - 1].end = parts[i - 1].begin + parts[i - 1].token.size();
    }
    if (!token.single_word) continue;
    if (i > 0 && !parts[i - 1].token.empty() && !parts[i - 1].token.ends_with(' ')) {
      parts[i - 1].token += parts[i].token;
      parts[i - 1].end = parts[i].end;
      parts[i].token.clear();
    } else if (i + 1 < parts.size() && !parts[i + 1].token.empty() &&
               !parts[i + 1].token.starts_with(' ')) {
      parts[i + 1].token = parts[i].token + parts[i + 1].token;
      parts[i + 1].begin = parts[i].begin;
      parts[i].token.clear();
    }
  }
  return parts;
}

std::vector<TextPiece> PieceTokenizer::split(std::string_view text, Side side) const {
  if (splits_special_) return model_->split(text, side);
  std::vector<TextPiece> pieces;
  for (const TextPiece& part : cut(text)) {
    if (part.token.empty()) continue;
    if (added_ids_.contains(part.token) || special_tokens_.contains(part.token)) {
      pieces.push_back(part);
      continue;
    }
    for (TextPiece& piece : model_->split(part.token, side)) {
      pieces.push_back({std::move(piece.token), part.begin + piece.begin, part.begin + piece.end});
    }
  }
  return pieces;
}

Encoding PieceTokenizer::encode(std::string_view text, bool add_special_tokens, Side side) const {
  INSEQ_CHECK(is_valid_utf8(text), InvalidArgument,
              "the text cannot be tokenized: it is not valid UTF-8");
  const Frame frame = add_special_tokens ? model_->frame(side, special_.eos) : Frame{};
  Encoding out;
  out.ids = frame.prefix;
  out.offsets.resize(frame.prefix.size());
  for (const TextPiece& piece : split(text, side)) {
    out.ids.push_back(id_of(piece.token, side));
    out.offsets.emplace_back(piece.begin, piece.end);
  }
  out.ids.insert(out.ids.end(), frame.suffix.begin(), frame.suffix.end());
  out.offsets.resize(out.ids.size());
  return out;
}

std::string PieceTokenizer::id_to_token(int64_t id, Side side) const {
  const auto found = added_.find(id);
  if (found != added_.end()) return found->second.content;
  const auto token = id < 0 ? std::nullopt : model_->token_of(id, side);
  INSEQ_CHECK(token.has_value(), InvalidArgument, "token id ", id, " is not in the vocabulary of ",
              vocab_size_, " tokens");
  return *token;
}

std::optional<int64_t> PieceTokenizer::token_to_id(std::string_view token, Side side) const {
  const std::string content(token);
  const auto found = added_ids_.find(content);
  if (found != added_ids_.end()) return found->second;
  return model_->entry(content, side);
}

std::string PieceTokenizer::decode(std::span<const int64_t> ids, bool skip_special_tokens) const {
  const std::set<int64_t> skipped(special_ids_.begin(), special_ids_.end());
  std::vector<std::string> tokens;
  for (const int64_t id : ids) {
    if (skip_special_tokens && skipped.contains(id)) continue;
    tokens.push_back(id_to_token(id, Side::kTarget));
  }
  return model_->join(tokens, special_tokens_, /*decoding=*/true);
}

std::string PieceTokenizer::tokens_to_string(std::span<const std::string> tokens) const {
  return model_->join(tokens, special_tokens_, /*decoding=*/false);
}

std::string PieceTokenizer::readable(int64_t id, Side side) const {
  return readable_token(id_to_token(id, side),
                        added_.contains(id) ? Spelling::kPlain : Spelling::kMetaspace);
}

std::string PieceTokenizer::apply_chat_template(const Json& messages, bool add_generation_prompt,
                                                const Json& extra) const {
  return templates_.render(messages, add_generation_prompt, special_names_, extra);
}

}  // namespace inseq::text
