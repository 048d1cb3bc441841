#include <algorithm>

#include "inseq/error.h"
#include "text/piece_classes.h"
#include "text/white_space.h"

namespace inseq::text {
namespace {

/// What transformers' clean_up_tokenization takes the space away from.
std::string tidied(std::string text) {
  const std::pair<const char*, const char*> rules[] = {
      {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
      {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : rules) {
    const size_t length = std::string_view(from).size(), kept = std::string_view(to).size();
    for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += kept) {
      text.replace(at, length, to);
    }
  }
  return text;
}

/// PLBartTokenizer: SentencePiece's ids moved by one, as fairseq has them, with the first four of
/// its own; languages and the mask come last. A text ends with the end of sentence and its
/// language.
class PlbartModel : public PieceModel {
 public:
  PlbartModel(const std::string& folder, const Json& settings)
      : is_base_(token_content(settings, "language_codes") == "base"),
        tidies_(!settings.contains("clean_up_tokenization_spaces") ||
                is_set(settings, "clean_up_tokenization_spaces")),
        codes_(is_base_ ? kPlbartBaseCodes : kPlbartMultiCodes),
        source_(language_of(settings, "src_lang")),
        target_(language_of(settings, "tgt_lang")),
        pieces_(load_spm(folder, "sentencepiece.bpe.model")) {
    if (!source_ && !is_base_) source_ = "__en_XX__";
    own_ = {{"<s>", 0}, {"<pad>", 1}, {"</s>", 2}, {"<unk>", 3}};
    int64_t next = pieces_.size() + 1;
    for (const std::string& code : codes_) own_[code] = next++;
    if (is_base_) own_["<mask>"] = next++;
    for (const auto& [token, id] : own_) by_id_[id] = token;
    size_ = next;
  }

  std::vector<TextPiece> split(std::string_view text, Side) const override {
    return pieces_.split(text);
  }
  int64_t id_of(const std::string& token, Side) const override {
    const auto found = own_.find(token);
    if (found != own_.end()) return found->second;
    const int64_t id = pieces_.id_of(token);
    return id != 0 ? id + 1 : 3;
  }
  std::optional<std::string> token_of(int64_t id, Side) const override {
    const auto found = by_id_.find(id);
    if (found != by_id_.end()) return found->second;
    return id >= 1 && id <= pieces_.size() ? std::optional(pieces_.token_of(id - 1)) : std::nullopt;
  }
  std::string join(std::span<const std::string> tokens, const std::set<std::string>&,
                   bool decoding) const override {
    std::string text;
    for (const std::string& token : tokens) text += token;
    constexpr std::string_view kSpace = "▁";
    for (size_t at = 0; (at = text.find(kSpace, at)) != text.npos;) {
      text.replace(at, kSpace.size(), " ");
    }
    text = without_space_around(text);
    return decoding && tidies_ ? tidied(text) : text;
  }
  std::optional<int64_t> entry(const std::string& token, Side) const override {
    const auto found = own_.find(token);
    if (found != own_.end()) return found->second;
    const int64_t id = pieces_.id_of(token);
    return pieces_.token_of(id) == token ? std::optional(id + 1) : std::nullopt;
  }
  int64_t size() const override { return size_; }
  // While tokens are added the class still has SentencePiece's own ids, and one more.
  int64_t first_added_id() const override { return pieces_.size() + 1; }
  std::optional<int64_t> entry_to_add(const std::string& token) const override {
    const int64_t id = pieces_.id_of(token);
    return pieces_.token_of(id) == token ? std::optional(id) : std::nullopt;
  }
  std::vector<std::string> reserved() const override {
    std::vector<std::string> tokens = {"<s>", "<pad>", "</s>", "<unk>", "<mask>"};
    tokens.insert(tokens.end(), codes_.begin(), codes_.end());
    return tokens;
  }
  Frame frame(Side side, int64_t eos) const override {
    const auto language = language_id(side);
    return language ? Frame{{}, {eos, *language}} : Frame{{}, {eos}};
  }
  LanguageCodes languages() const override { return codes_; }
  std::optional<int64_t> language_id(Side side) const override {
    const auto& chosen = side == Side::kSource ? source_ : target_;
    return chosen ? std::optional(own_.at(*chosen)) : std::nullopt;
  }

 private:
  std::optional<std::string> language_of(const Json& settings, const char* name) const {
    const std::string plain = token_content(settings, name);
    Json written = settings;
    const bool known = std::find(codes_.begin(), codes_.end(), "__" + plain + "__") != codes_.end();
    if (known) written[name] = "__" + plain + "__";
    return chosen_language(written, name, codes_);
  }

  bool is_base_, tidies_;
  const LanguageCodes& codes_;
  std::optional<std::string> source_, target_;
  SentencePieces pieces_;
  std::map<std::string, int64_t> own_;  // what SentencePiece does not number
  std::map<int64_t, std::string> by_id_;
  int64_t size_ = 0;
};

}  // namespace

std::unique_ptr<PieceModel> load_plbart(const std::string& folder, Json& settings) {
  const std::pair<const char*, const char*> defaults[] = {
      {"bos_token", "<s>"},     {"eos_token", "</s>"},     {"sep_token", "</s>"},
      {"cls_token", "<s>"},     {"unk_token", "<unk>"},    {"pad_token", "<pad>"},
      {"mask_token", "<mask>"}, {"language_codes", "base"}};
  for (const auto& [name, value] : defaults) set_default(settings, name, value);
  const std::string kind = token_content(settings, "language_codes");
  INSEQ_CHECK(kind == "base" || kind == "multi", FormatError, folder,
              "/tokenizer_config.json: language_codes is \"", kind,
              "\", needed \"base\" or \"multi\"");
  const LanguageCodes& codes = kind == "base" ? kPlbartBaseCodes : kPlbartMultiCodes;
  // Extra tokens of the folder take the place of the language codes.
  if (!is_set(settings, "extra_special_tokens")) settings["extra_special_tokens"] = codes;
  check_files(folder, "PLBartTokenizer", {"sentencepiece.bpe.model"});
  return std::make_unique<PlbartModel>(folder, settings);
}

}  // namespace inseq::text
