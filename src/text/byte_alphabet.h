#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace inseq::text {

/// The alphabet in which byte-level vocabularies are written: each byte is one printable character,
/// those that are printable themselves stay, the others become U+0100 and up ("Ġ" is the space).
/// The bytes a vocabulary entry stands for; nullopt when it holds a character outside the alphabet.
std::optional<std::string> bytes_of(std::string_view token);
/// The vocabulary's spelling of some bytes.
std::string spelling_of(std::string_view bytes);

}  // namespace inseq::text
