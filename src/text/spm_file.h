#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace inseq::text {

/// What a SentencePiece model file holds, as far as it matters here.
struct SpmFile {
  enum Type : uint64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kByte = 6 };
  struct Piece {
    std::string text;
    double score = 0;
    uint64_t type = kNormal;
  };
  std::vector<Piece> pieces;  ///< piece i has id i
  bool is_unigram = true;     ///< else byte-pair encoding, or words or characters
  bool byte_fallback = false;
  std::string character_map;  ///< of its normaliser; may be empty
};

/// Reads and checks a model. FormatError begins with `name`.
SpmFile parse_spm(std::string_view bytes, const std::string& name);

}  // namespace inseq::text
