#include <algorithm>
#include <unordered_map>

#include "base/text_distance.h"
#include "inseq/error.h"
#include "text/piece_classes.h"
#include "text/white_space.h"

namespace inseq::text {
namespace {

/// MarianTokenizer: SentencePiece models of both sides only cut the text, ids are those of
/// vocab.json (and of target_vocab.json with separate_vocabs).
class MarianModel : public PieceModel {
 public:
  MarianModel(const std::string& folder, const Json& settings)
      : separate_(is_set(settings, "separate_vocabs")),
        source_(load_spm(folder, "source.spm")),
        target_(load_spm(folder, "target.spm")),
        source_words_(folder, "vocab.json", token_content(settings, "unk_token")),
        target_words_(folder, separate_ ? "target_vocab.json" : "vocab.json",
                      token_content(settings, "unk_token")) {
    for (const std::string& token :
         separate_ ? std::vector<std::string>() : source_words_.tokens()) {
      if (token.starts_with(">>") && token.ends_with("<<")) codes_.push_back(token);
    }
  }

  std::vector<TextPiece> split(std::string_view text, Side side) const override {
    std::vector<TextPiece> pieces;
    const size_t end = text.starts_with(">>") ? text.find("<<") : text.npos;
    const size_t begin = end == text.npos ? 0 : end + 2;
    if (begin > 0) {
      const std::string code(text.substr(0, begin));
      INSEQ_CHECK(codes_.empty() || source_words_.find(code), InvalidArgument,
                  "the text begins with ", code, ", which is none of the ", codes_.size(),
                  " language codes of this model", did_you_mean(code, codes_));
      pieces.push_back({code, 0, begin});
    }
    for (TextPiece& piece : spm(side).split(text.substr(begin))) {
      pieces.push_back({std::move(piece.token), begin + piece.begin, begin + piece.end});
    }
    return pieces;
  }

  int64_t id_of(const std::string& token, Side side) const override {
    return words(side).id_of(token);
  }
  std::optional<std::string> token_of(int64_t id, Side side) const override {
    if (const auto token = words(side).token_of(id)) return token;
    const SentencePieces& pieces = separate_ ? spm(side) : source_;
    return id < pieces.size() ? std::optional(pieces.token_of(id)) : std::nullopt;
  }
  std::string join(std::span<const std::string> tokens, const std::set<std::string>& special,
                   bool decoding) const override {
    const SentencePieces& pieces = decoding && !separate_ ? source_ : target_;
    std::string text = join_around_special(pieces, tokens, special, " ");
    constexpr std::string_view kSpace = "▁";
    for (size_t at = 0; (at = text.find(kSpace, at)) != text.npos;) {
      text.replace(at, kSpace.size(), " ");
    }
    return std::string(without_space_around(text));
  }
  std::optional<int64_t> entry(const std::string& token, Side side) const override {
    return words(side).find(token);
  }
  int64_t size() const override { return source_words_.size(); }
  Frame frame(Side, int64_t eos) const override { return {{}, {eos}}; }
  LanguageCodes languages() const override { return codes_; }

 private:
  const SentencePieces& spm(Side side) const { return side == Side::kSource ? source_ : target_; }
  const WordList& words(Side side) const {
    return side == Side::kSource ? source_words_ : target_words_;
  }

  bool separate_;
  SentencePieces source_, target_;
  WordList source_words_, target_words_;
  LanguageCodes codes_;  // ">>fr<<"
};

}  // namespace

std::unique_ptr<PieceModel> load_marian(const std::string& folder, Json& settings) {
  set_default(settings, "unk_token", "<unk>");
  set_default(settings, "eos_token", "</s>");
  set_default(settings, "pad_token", "<pad>");
  set_default(settings, "model_max_length", 512);
  check_files(folder, "MarianTokenizer", {"source.spm", "target.spm", "vocab.json"});
  if (is_set(settings, "separate_vocabs")) {
    check_files(folder, "MarianTokenizer with separate_vocabs", {"target_vocab.json"});
  }
  return std::make_unique<MarianModel>(folder, settings);
}

}  // namespace inseq::text
