#include "text/library_tokenizer.h"

#include <limits>

#include "inseq/error.h"

namespace inseq::text {
namespace {

/// Whether a part, or a member of a sequence of parts, has this type.
bool mentions(const Json& part, const std::string& type) {
  if (!part.is_object()) return false;
  if (part.value("type", "") == type) return true;
  for (const char* list : {"decoders", "pretokenizers", "normalizers"}) {
    for (const Json& member : part.value(list, Json::array())) {
      if (mentions(member, type)) return true;
    }
  }
  return false;
}

Spelling spelling_of_parts(const Json& description) {
  if (mentions(description["decoder"], "ByteLevel") ||
      mentions(description["pre_tokenizer"], "ByteLevel")) {
    return Spelling::kByteLevel;
  }
  const bool metaspace = mentions(description["decoder"], "Metaspace") ||
                         mentions(description["pre_tokenizer"], "Metaspace") ||
                         mentions(description["decoder"], "ByteFallback") ||
                         description["model"].value("byte_fallback", false);
  return metaspace ? Spelling::kMetaspace : Spelling::kPlain;
}

SpecialTokens resolve_special(const TokenizerBuilder& builder) {
  const auto id_of = [&builder](std::string_view name) -> int64_t {
    const std::optional<std::string> token = builder.named(name);
    return token ? builder.id_of(*token) : -1;
  };
  return {.bos = id_of("bos_token"),
          .eos = id_of("eos_token"),
          .pad = id_of("pad_token"),
          .unk = id_of("unk_token")};
}

std::vector<int64_t> resolve_special_ids(const TokenizerBuilder& builder) {
  std::vector<int64_t> ids;
  for (const std::string& token : builder.special_tokens()) ids.push_back(builder.id_of(token));
  return ids;
}

Json name_special(const TokenizerBuilder& builder) {
  Json names = Json::object();
  for (const auto& [name, token] : builder.named_tokens()) names[name] = token.content;
  return names;
}

uint32_t checked_id(int64_t id) {
  INSEQ_CHECK(id >= 0 && id <= std::numeric_limits<uint32_t>::max(), InvalidArgument, "token id ",
              id, " is not an id; ids are whole numbers from 0 to the size of the vocabulary");
  return static_cast<uint32_t>(id);
}

}  // namespace

LibraryTokenizer::LibraryTokenizer(TokenizerBuilder builder, std::string class_name)
    : class_name_(std::move(class_name)),
      special_(resolve_special(builder)),
      special_ids_(resolve_special_ids(builder)),
      max_length_(read_max_length(builder.settings())),
      special_names_(name_special(builder)),
      templates_(builder.settings().value("chat_template", Json())),
      target_frame_(builder.target_frame()),
      languages_(builder.languages()),
      backend_(std::move(builder.backend())),
      vocab_size_(backend_.vocab_size()) {
  const Json description = backend_.describe();
  spelling_ = spelling_of_parts(description);
  for (const Json& token : description["added_tokens"])
    added_ids_.insert(token["id"].get<int64_t>());
}

Encoding LibraryTokenizer::encode(std::string_view text, bool add_special_tokens, Side side) const {
  if (side == Side::kSource || !target_frame_ || !add_special_tokens) {
    return backend_.encode(text, add_special_tokens);
  }
  Encoding out = backend_.encode(text, /*add_special_tokens=*/false);
  const auto& [prefix, suffix] = *target_frame_;
  out.ids.insert(out.ids.begin(), prefix.begin(), prefix.end());
  out.offsets.insert(out.offsets.begin(), prefix.size(), {0, 0});
  out.ids.insert(out.ids.end(), suffix.begin(), suffix.end());
  out.offsets.resize(out.ids.size());
  return out;
}

std::string LibraryTokenizer::decode(std::span<const int64_t> ids, bool skip_special_tokens) const {
  std::vector<uint32_t> narrow;
  narrow.reserve(ids.size());
  for (const int64_t id : ids) narrow.push_back(checked_id(id));
  return backend_.decode(narrow, skip_special_tokens);
}

std::string LibraryTokenizer::id_to_token(int64_t id, Side) const {
  const std::optional<std::string> token = backend_.id_to_token(checked_id(id));
  INSEQ_CHECK(token.has_value(), InvalidArgument, "token id ", id, " is not in the vocabulary of ",
              vocab_size_, " tokens");
  return *token;
}

std::optional<int64_t> LibraryTokenizer::token_to_id(std::string_view token, Side) const {
  return backend_.token_to_id(token);
}

std::string LibraryTokenizer::readable(int64_t id, Side side) const {
  return readable_token(id_to_token(id, side),
                        added_ids_.contains(id) ? Spelling::kPlain : spelling_);
}

std::optional<int64_t> LibraryTokenizer::language_id(Side side) const {
  return side == Side::kSource ? languages_.source : languages_.target;
}

std::string LibraryTokenizer::tokens_to_string(std::span<const std::string> tokens) const {
  return backend_.tokens_to_string(tokens);
}

std::string LibraryTokenizer::apply_chat_template(const Json& messages, bool add_generation_prompt,
                                                  const Json& extra) const {
  return templates_.render(messages, add_generation_prompt, special_names_, extra);
}

}  // namespace inseq::text
