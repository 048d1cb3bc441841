#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/added_token.h"

namespace inseq::text {

/// The names every tokenizer may have a token for, in transformers' order.
inline constexpr const char* kSpecialNames[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                                "pad_token", "cls_token", "mask_token"};
bool is_special_name(std::string_view name);

/// Whether a setting is there and Python would call it true.
bool is_set(const Json& settings, const char* name);

/// The special tokens that a tokenizer's constructor is given.
struct SpecialTokenSettings {
  /// By name: the seven standard ones first, then the model's own.
  std::vector<std::pair<std::string, AddedToken>> named;
  std::vector<AddedToken> extra;  ///< without a name

  /// The content of a named special token such as "bos_token"; nullopt when it is not set.
  std::optional<std::string> content(std::string_view name) const;
  /// all_special_tokens: the named ones in transformers' order, then the others, each once.
  std::vector<std::string> all() const;
};

/// Reads them from the settings; FormatError when one is no token.
SpecialTokenSettings read_special_tokens(Json& settings);

/// model_max_length; nullopt when it is not set or "unlimited".
std::optional<int64_t> read_max_length(const Json& settings);

}  // namespace inseq::text
