#include "text/spm_file.h"

#include <cmath>

#include "base/utf8.h"
#include "inseq/error.h"
#include "text/proto_reader.h"

namespace inseq::text {
namespace {

// The field numbers of sentencepiece_model.proto.
SpmFile::Piece read_piece(std::string_view bytes, const std::string& name) {
  SpmFile::Piece piece;
  ProtoReader reader(bytes, name);
  while (const auto field = reader.next()) {
    if (field->is(1, ProtoReader::kBytes)) piece.text = field->bytes;
    if (field->is(2, ProtoReader::kFixed32)) piece.score = field->as_float();
    if (field->is(3, ProtoReader::kVarint)) piece.type = field->value;
  }
  return piece;
}

void read_trainer(std::string_view bytes, const std::string& name, SpmFile& out) {
  ProtoReader reader(bytes, name);
  while (const auto field = reader.next()) {
    if (field->is(3, ProtoReader::kVarint)) out.is_unigram = field->value == 1;
    if (field->is(35, ProtoReader::kVarint)) out.byte_fallback = field->value != 0;
  }
}

/// The last of the normaliser's character maps, as libraries merge it.
void read_normalizer(std::string_view bytes, const std::string& name, std::string& map) {
  ProtoReader reader(bytes, name);
  while (const auto field = reader.next()) {
    if (field->is(2, ProtoReader::kBytes)) map = field->bytes;
  }
}

uint32_t little_endian(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return value;
}

/// Whether every step that a text can take through the character map stays inside it: a double
/// array of 32-bit units (Darts-clone; 256 children side by side), then the replacements, each
/// ended by a zero byte.
bool is_sound(std::string_view map) {
  if (map.size() <= 4) return false;
  const uint32_t size = little_endian(map, 0);
  if (size % 4 != 0 || size == 0 || size >= map.size() - 4 || map.back() != '\0') return false;
  const uint32_t units = size / 4, replacements = static_cast<uint32_t>(map.size() - 4 - size);
  const auto unit = [map](uint32_t i) { return little_endian(map, 4 + size_t{4} * i); };
  for (uint32_t i = 0; i < units; ++i) {
    constexpr uint32_t kLeaf = 1u << 31, kHasLeaf = 1u << 8, kFar = 1u << 9;
    const uint32_t u = unit(i);
    if ((u & kLeaf) != 0) continue;
    const uint32_t children = i ^ ((u >> 10) << ((u & kFar) >> 6));
    if ((children | 0xFFu) >= units) return false;
    if ((u & kHasLeaf) != 0 && (unit(children) & ~kLeaf) >= replacements) return false;
  }
  return true;
}

void check_map(const std::string& map, const std::string& name) {
  INSEQ_CHECK(map.empty() || is_sound(map), FormatError, name,
              ": its character map is broken; copy the file again from where the model came from");
}

void check_pieces(const SpmFile& file, const std::string& name) {
  INSEQ_CHECK(!file.pieces.empty(), FormatError, name,
              ": is no SentencePiece model (it has no pieces); copy the file again from where the "
              "model came from");
  for (size_t id = 0; id < file.pieces.size(); ++id) {
    const SpmFile::Piece& piece = file.pieces[id];
    INSEQ_CHECK(!piece.text.empty() && is_valid_utf8(piece.text), FormatError, name, ": piece ", id,
                " is ", piece.text.empty() ? "empty" : "not UTF-8");
    // The library looks pieces up as texts that a zero byte ends.
    INSEQ_CHECK(piece.text.find('\0') == std::string::npos, FormatError, name, ": piece ", id,
                " holds a zero byte");
    INSEQ_CHECK(std::isfinite(piece.score), FormatError, name, ": the score of piece ", id,
                " is not finite");
  }
}

}  // namespace

SpmFile parse_spm(std::string_view bytes, const std::string& name) {
  SpmFile out;
  std::string map_of_joining;  // what the library joins pieces with; nothing here needs it
  ProtoReader reader(bytes, name);
  while (const auto field = reader.next()) {
    if (field->kind != ProtoReader::kBytes) continue;
    if (field->number == 1) out.pieces.push_back(read_piece(field->bytes, name));
    if (field->number == 2) read_trainer(field->bytes, name, out);
    if (field->number == 3) read_normalizer(field->bytes, name, out.character_map);
    if (field->number == 5) read_normalizer(field->bytes, name, map_of_joining);
  }
  check_map(out.character_map, name);
  check_map(map_of_joining, name);
  check_pieces(out, name);
  return out;
}

}  // namespace inseq::text
