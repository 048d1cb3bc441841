#pragma once
#include <string>
#include <string_view>

namespace inseq::text {

/// How a vocabulary writes text.
enum class Spelling {
  kPlain,      ///< as it is
  kByteLevel,  ///< in the byte alphabet: "Ġthe"
  kMetaspace,  ///< spaces as "▁", single bytes as "<0xE2>"
};

/// What a reader should see for a vocabulary entry, always valid UTF-8 on one line: " the" for
/// "Ġthe", ⟨E2 82⟩ for bytes that are not whole characters, \n and \u{200b} for what would be
/// invisible.
std::string readable_token(std::string_view token, Spelling spelling);

/// The same for raw bytes.
std::string readable_bytes(std::string_view bytes);

}  // namespace inseq::text
