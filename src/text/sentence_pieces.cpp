#include "text/sentence_pieces.h"

#include <sentencepiece_processor.h>

#include "base/utf8.h"
#include "inseq/error.h"
#include "text/proto_reader.h"
#include "text/spm_file.h"

namespace inseq::text {
namespace {

/// One piece of the message SentencePieceText.
TextPiece read_piece(std::string_view bytes, const std::string& name) {
  TextPiece piece;
  ProtoReader reader(bytes, name);
  while (const auto field = reader.next()) {
    if (field->is(1, ProtoReader::kBytes)) piece.token = field->bytes;
    if (field->is(4, ProtoReader::kVarint)) piece.begin = field->value;
    if (field->is(5, ProtoReader::kVarint)) piece.end = field->value;
  }
  return piece;
}

}  // namespace

struct SentencePieces::Library {
  sentencepiece::SentencePieceProcessor processor;
};

SentencePieces::SentencePieces(const std::string& bytes, const std::string& name)
    : library_(std::make_unique<Library>()) {
  parse_spm(bytes, name);  // the library trusts more than it should
  const auto status = library_->processor.LoadFromSerializedProto(bytes);
  INSEQ_CHECK(status.ok(), FormatError, name, ": SentencePiece cannot read it (",
              status.error_message(), "); copy the file again from where the model came from");
}

SentencePieces::~SentencePieces() = default;
SentencePieces::SentencePieces(SentencePieces&&) noexcept = default;

std::vector<TextPiece> SentencePieces::split(std::string_view text) const {
  INSEQ_CHECK(is_valid_utf8(text), InvalidArgument,
              "the text cannot be tokenized: it is not valid UTF-8");
  const std::string made = library_->processor.EncodeAsSerializedProto({text.data(), text.size()});
  static const std::string kName = "SentencePiece";
  std::vector<TextPiece> pieces;
  ProtoReader reader(made, kName);
  while (const auto field = reader.next()) {
    if (field->is(2, ProtoReader::kBytes)) pieces.push_back(read_piece(field->bytes, kName));
  }
  return pieces;
}

std::string SentencePieces::join(std::span<const std::string> pieces) const {
  std::string text;
  const auto status =
      library_->processor.Decode(std::vector<std::string>(pieces.begin(), pieces.end()), &text);
  INSEQ_CHECK(status.ok(), InvalidArgument,
              "the tokens cannot be joined: ", status.error_message());
  return text;
}

int64_t SentencePieces::size() const { return library_->processor.GetPieceSize(); }

int64_t SentencePieces::id_of(const std::string& piece) const {
  return library_->processor.PieceToId(piece);
}

std::string SentencePieces::token_of(int64_t id) const {
  return library_->processor.IdToPiece(static_cast<int>(id));
}

}  // namespace inseq::text
