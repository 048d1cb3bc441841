#include "text/backend.h"

#include "inseq/error.h"

namespace inseq::text {
namespace {

/// A buffer of the Rust library, freed at the end of the scope.
struct Owned {
  ItBuffer buffer{nullptr, 0};
  Owned() = default;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { it_buffer_free(&buffer); }
  std::string text() const {
    return buffer.data == nullptr ? "" : std::string(buffer.data, buffer.size);
  }
};

ItText view(std::string_view text) { return {text.data(), text.size()}; }

std::vector<ItText> views(std::span<const std::string> texts) {
  std::vector<ItText> out;
  out.reserve(texts.size());
  for (const std::string& text : texts) out.push_back(view(text));
  return out;
}

/// Calls `build(out, error)`, which makes a tokenizer from the file `name`.
template <typename Build>
ItTokenizer* built(const std::string& name, const Build& build) {
  ItTokenizer* handle = nullptr;
  Owned error;
  INSEQ_CHECK(build(&handle, &error.buffer), FormatError, name,
              ": not a tokenizer this program can read (", error.text(),
              "); copy the file again from where the model came from");
  return handle;
}

}  // namespace

Backend Backend::from_json(std::string_view json, const std::string& name) {
  return {built(name, [&](auto out,
                          auto error) { return it_tokenizer_from_json(view(json), out, error); }),
          name};
}

Backend Backend::from_vocab_and_merges(std::string_view vocabulary, std::string_view merges,
                                       const std::string& name) {
  const auto build = [&](auto out, auto error) {
    return it_tokenizer_from_vocab_and_merges(view(vocabulary), view(merges), out, error);
  };
  return {built(name, build), name};
}

Backend Backend::from_word_pieces(std::string_view vocabulary, const std::string& name) {
  const auto build = [&](auto out, auto error) {
    return it_tokenizer_from_word_pieces(view(vocabulary), out, error);
  };
  return {built(name, build), name};
}

Backend Backend::from_lists(std::span<const std::string> tokens, const Merges& merges,
                            const std::string& name) {
  const std::vector<ItText> names = views(tokens);
  std::vector<ItText> pairs;
  pairs.reserve(2 * merges.size());
  for (const auto& [left, right] : merges) {
    pairs.push_back(view(left));
    pairs.push_back(view(right));
  }
  const auto build = [&](auto out, auto error) {
    return it_tokenizer_from_lists(names.data(), names.size(), pairs.data(), merges.size(), out,
                                   error);
  };
  return {built(name, build), name};
}

Backend Backend::from_scores(std::span<const std::string> tokens, std::span<const double> scores,
                             size_t unknown_id, const std::string& name) {
  INSEQ_CHECK(tokens.size() == scores.size(), FormatError, name, ": ", tokens.size(),
              " tokens but ", scores.size(), " scores; every token needs one");
  const std::vector<ItText> names = views(tokens);
  const auto build = [&](auto out, auto error) {
    return it_tokenizer_from_scores(names.data(), scores.data(), names.size(), unknown_id, out,
                                    error);
  };
  return {built(name, build), name};
}

Json Backend::describe() const {
  Owned out, error;
  INSEQ_CHECK(it_describe(handle_.get(), &out.buffer, &error.buffer), FormatError, name_, ": ",
              error.text());
  return Json::parse(out.text());
}

void Backend::assemble(const Json& parts) {
  Owned error;
  const std::string text = parts.dump();
  INSEQ_CHECK(it_assemble(handle_.get(), view(text), &error.buffer), FormatError, name_,
              ": the tokenizer cannot be put together: ", error.text());
}

void Backend::add_tokens(const std::vector<AddedToken>& tokens) {
  Json list = Json::array();
  for (const AddedToken& token : tokens) list.push_back(to_json(token));
  Owned error;
  const std::string text = list.dump();
  INSEQ_CHECK(it_add_tokens(handle_.get(), view(text), &error.buffer), FormatError, name_, ": ",
              error.text());
}

Encoding Backend::encode(std::string_view text, bool add_special_tokens) const {
  ItEncoded encoded{0, nullptr, nullptr, nullptr};
  const std::unique_ptr<ItEncoded, void (*)(ItEncoded*)> owner(&encoded, it_encoded_free);
  Owned error;
  INSEQ_CHECK(it_encode(handle_.get(), view(text), add_special_tokens, &encoded, &error.buffer),
              InvalidArgument, "the text cannot be tokenized: ", error.text());
  Encoding out;
  out.ids.assign(encoded.ids, encoded.ids + encoded.size);
  out.offsets.reserve(encoded.size);
  for (size_t i = 0; i < encoded.size; ++i)
    out.offsets.emplace_back(encoded.begins[i], encoded.ends[i]);
  return out;
}

std::string Backend::decode(std::span<const uint32_t> ids, bool skip_special_tokens) const {
  Owned out, error;
  INSEQ_CHECK(it_decode(handle_.get(), ids.data(), ids.size(), skip_special_tokens, &out.buffer,
                        &error.buffer),
              InvalidArgument, "the ids cannot be decoded: ", error.text());
  return out.text();
}

std::string Backend::tokens_to_string(std::span<const std::string> tokens) const {
  const std::vector<ItText> names = views(tokens);
  Owned out, error;
  INSEQ_CHECK(
      it_tokens_to_string(handle_.get(), names.data(), names.size(), &out.buffer, &error.buffer),
      InvalidArgument, "the tokens cannot be joined: ", error.text());
  return out.text();
}

std::optional<std::string> Backend::id_to_token(uint32_t id) const {
  Owned out;
  if (!it_id_to_token(handle_.get(), id, &out.buffer)) return std::nullopt;
  return out.text();
}

std::optional<int64_t> Backend::token_to_id(std::string_view token) const {
  const int64_t id = it_token_to_id(handle_.get(), view(token));
  if (id < 0) return std::nullopt;
  return id;
}

int64_t Backend::vocab_size() const {
  return static_cast<int64_t>(it_vocab_size(handle_.get(), true));
}

std::string lowercase(std::string_view text) {
  Owned out, error;
  INSEQ_CHECK(it_lowercase(view(text), &out.buffer, &error.buffer), InvalidArgument,
              "the text has no lower case: ", error.text());
  return out.text();
}

std::string render_template(std::string_view chat_template, const Json& context) {
  Owned out, error;
  // Invalid UTF-8 in a message is an error of its own: replacing it silently would change the
  // prompt.
  std::string variables;
  try {
    variables = context.dump();
  } catch (const Json::exception&) {
    throw InvalidArgument("the chat messages are not valid UTF-8; convert them to UTF-8 first");
  }
  INSEQ_CHECK(it_render_template(view(chat_template), view(variables), &out.buffer, &error.buffer),
              InvalidArgument, "the model's chat template failed: ", error.text());
  return out.text();
}

}  // namespace inseq::text
