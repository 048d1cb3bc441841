#include <algorithm>

#include "inseq/error.h"
#include "text/piece_classes.h"
#include "text/white_space.h"

namespace inseq::text {
namespace {

/// M2M100Tokenizer: pieces of sentencepiece.bpe.model, ids of vocab.json, then one id a language.
/// A text begins with its language's token and ends with the end of sentence.
class M2m100Model : public PieceModel {
 public:
  M2m100Model(const std::string& folder, const Json& settings)
      : codes_(token_content(settings, "language_codes") == "wmt21" ? kWmt21Codes : kM2m100Codes),
        source_(chosen_language(settings, "src_lang", codes_)),
        target_(chosen_language(settings, "tgt_lang", codes_)),
        pieces_(load_spm(folder, "sentencepiece.bpe.model")),
        words_(folder, "vocab.json", token_content(settings, "unk_token")),
        unknown_(token_content(settings, "unk_token")) {}

  std::vector<TextPiece> split(std::string_view text, Side) const override {
    return pieces_.split(text);
  }
  int64_t id_of(const std::string& token, Side) const override {
    for (size_t i = 0; i < codes_.size(); ++i) {
      if (token == token_of_code(i)) return language(i);
    }
    return words_.id_of(token);
  }
  std::optional<std::string> token_of(int64_t id, Side) const override {
    const int64_t code = id - words_.size();
    if (code >= 0 && code < static_cast<int64_t>(codes_.size())) {
      return token_of_code(static_cast<size_t>(code));
    }
    return words_.token_of(id).value_or(unknown_);
  }
  std::string join(std::span<const std::string> tokens, const std::set<std::string>& special,
                   bool) const override {
    return std::string(without_space_around(join_around_special(pieces_, tokens, special, "")));
  }
  std::optional<int64_t> entry(const std::string& token, Side) const override {
    return words_.find(token);
  }
  int64_t size() const override { return words_.size(); }
  Frame frame(Side side, int64_t eos) const override {
    if (side == Side::kSource) return {{language(place(source_.value_or("en")))}, {eos}};
    INSEQ_CHECK(target_.has_value(), InvalidArgument,
                "this tokenizer begins a target with its language: set tgt_lang in "
                "tokenizer_kwargs, such as {\"src_lang\": \"en\", \"tgt_lang\": \"fr\"}");
    return {{language(place(*target_))}, {eos}};
  }
  LanguageCodes languages() const override { return codes_; }
  std::optional<int64_t> language_id(Side side) const override {
    const auto& chosen = side == Side::kSource ? source_ : target_;
    return chosen ? std::optional(language(place(*chosen))) : std::nullopt;
  }

 private:
  std::string token_of_code(size_t i) const { return "__" + codes_[i] + "__"; }
  int64_t language(size_t i) const { return words_.size() + static_cast<int64_t>(i); }
  size_t place(const std::string& code) const {
    return static_cast<size_t>(std::find(codes_.begin(), codes_.end(), code) - codes_.begin());
  }

  const LanguageCodes& codes_;
  std::optional<std::string> source_, target_;
  SentencePieces pieces_;
  WordList words_;
  std::string unknown_;
};

}  // namespace

std::unique_ptr<PieceModel> load_m2m100(const std::string& folder, Json& settings) {
  const std::pair<const char*, const char*> defaults[] = {
      {"bos_token", "<s>"},   {"eos_token", "</s>"},  {"sep_token", "</s>"},
      {"pad_token", "<pad>"}, {"unk_token", "<unk>"}, {"language_codes", "m2m100"}};
  for (const auto& [name, value] : defaults) set_default(settings, name, value);
  const std::string codes = token_content(settings, "language_codes");
  INSEQ_CHECK(codes == "m2m100" || codes == "wmt21", FormatError, folder,
              "/tokenizer_config.json: language_codes is \"", codes,
              "\", needed \"m2m100\" or \"wmt21\"");
  check_files(folder, "M2M100Tokenizer", {"vocab.json", "sentencepiece.bpe.model"});
  return std::make_unique<M2m100Model>(folder, settings);
}

}  // namespace inseq::text
