#pragma once
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "text/added_token.h"
#include "text/language_codes.h"
#include "text/sentence_pieces.h"
#include "text/tokenizer.h"

namespace inseq::text {

/// What a tokenizer class of transformers that is written in Python does of its own; PieceTokenizer
/// does what they share.
class PieceModel {
 public:
  virtual ~PieceModel() = default;

  /// Pieces of a text without special tokens (_tokenize).
  virtual std::vector<TextPiece> split(std::string_view text, Side side) const = 0;
  /// _convert_token_to_id: of the unknown token when there is none.
  virtual int64_t id_of(const std::string& token, Side side) const = 0;
  /// _convert_id_to_token; nullopt when the id is out of range.
  virtual std::optional<std::string> token_of(int64_t id, Side side) const = 0;
  /// convert_tokens_to_string, as decode() calls it or on its own.
  virtual std::string join(std::span<const std::string> tokens,
                           const std::set<std::string>& special, bool decoding) const = 0;

  /// The id of an entry of the vocabulary without added tokens.
  virtual std::optional<int64_t> entry(const std::string& token, Side side) const = 0;
  /// The id that a special token gets when it becomes an added one; nullopt: a new id.
  virtual std::optional<int64_t> entry_to_add(const std::string& token) const {
    return entry(token, Side::kSource);
  }
  /// What len() counts without added tokens, and the id that the first added token gets.
  virtual int64_t size() const = 0;
  virtual int64_t first_added_id() const { return size(); }
  /// Added tokens that stand in the vocabulary under other ids.
  virtual std::vector<std::string> reserved() const { return {}; }

  /// Special tokens around a text. `eos`: the id of the end-of-sentence token.
  virtual Frame frame(Side side, int64_t eos) const = 0;
  virtual LanguageCodes languages() const { return {}; }
  virtual std::optional<int64_t> language_id(Side) const { return std::nullopt; }
};

/// The model of a class from the files of a folder, filling in the settings that its constructor
/// has defaults for; null when the class is not one of these. InvalidArgument names missing files.
std::unique_ptr<PieceModel> load_piece_model(const std::string& class_name,
                                             const std::string& folder, Json& settings);
bool is_piece_class(const std::string& class_name);

}  // namespace inseq::text
