#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace inseq {

/// Number of single-character edits that turn `a` into `b` (Levenshtein 1966).
size_t edit_distance(std::string_view a, std::string_view b);

/// "; did you mean \"saliency\"?" for the choice nearest to `name`, or "" when none is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& choices);

/// "a, b and c" for messages that list choices.
std::string join_choices(const std::vector<std::string>& choices);

}  // namespace inseq
