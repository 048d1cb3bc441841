#pragma once
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace inseq::text {

using Json = nlohmann::ordered_json;

/// The ids of a text, with where each came from.
struct Encoding {
  std::vector<int64_t> ids;
  std::vector<std::pair<size_t, size_t>>
      offsets;  ///< byte range in the text; (0, 0) for added tokens
};

/// Which side of a model a text is for. Models without an encoder have a target only, and their
/// tokenizers treat both alike; so do most others.
enum class Side { kSource, kTarget };

/// The special tokens of a model, as transformers resolves them for the same folder. -1: none.
struct SpecialTokens {
  int64_t bos = -1, eos = -1, pad = -1, unk = -1;
};

/// Text to ids and back, with the rules of transformers' tokenizer for the same files. Const
/// methods are thread-safe.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Ids of `text` (UTF-8; invalid UTF-8 throws InvalidArgument). `add_special_tokens` as in
  /// transformers: the template of the tokenizer decides which (BOS, EOS, language) and where;
  /// Side::kTarget is its `text_target`.
  virtual Encoding encode(std::string_view text, bool add_special_tokens,
                          Side side = Side::kSource) const = 0;
  /// Text of the ids, as transformers' decode(clean_up_tokenization_spaces=False).
  virtual std::string decode(std::span<const int64_t> ids, bool skip_special_tokens) const = 0;
  /// The vocabulary's name of an id, as convert_ids_to_tokens ("Ġthe"). Throws when out of range.
  /// The side matters where source and target have vocabularies of their own (Marian).
  virtual std::string id_to_token(int64_t id, Side side = Side::kTarget) const = 0;
  /// The id of a vocabulary entry, or nullopt.
  virtual std::optional<int64_t> token_to_id(std::string_view token,
                                             Side side = Side::kTarget) const = 0;
  /// What a reader should see for one token: " the" for "Ġthe"; byte pieces that are not whole
  /// UTF-8 characters are shown as ⟨E2 82⟩, control characters escaped.
  virtual std::string readable(int64_t id, Side side = Side::kTarget) const = 0;
  /// As transformers' convert_tokens_to_string on vocabulary names.
  virtual std::string tokens_to_string(std::span<const std::string> tokens) const = 0;

  virtual int64_t vocab_size() const = 0;  ///< with added tokens
  virtual const SpecialTokens& special() const = 0;
  virtual std::vector<int64_t> special_ids()
      const = 0;  ///< all_special_ids, in transformers' order
  /// The name of the class transformers 5 would load: "GPT2Tokenizer", "TokenizersBackend", …
  virtual const std::string& class_name() const = 0;
  /// Greatest number of tokens, from model_max_length; nullopt when unlimited.
  virtual std::optional<int64_t> max_length() const = 0;

  /// The codes that src_lang and tgt_lang may name; empty for tokenizers without languages.
  virtual std::vector<std::string> languages() const { return {}; }
  /// The token of the language chosen for a side; nullopt when none is. A translation into the
  /// target's language begins with it (forced_bos_token_id).
  virtual std::optional<int64_t> language_id(Side) const { return std::nullopt; }

  /// Renders the chat template for `messages` (objects with role and content) as
  /// apply_chat_template(tokenize=False) does. `extra` holds further template variables ("tools"
  /// among them); its "chat_template" is the name of one of the model's templates, or a template.
  /// Throws Unsupported when the model has no chat template, InvalidArgument with what the template
  /// complains of.
  virtual std::string apply_chat_template(const Json& messages, bool add_generation_prompt,
                                          const Json& extra = Json::object()) const = 0;
};

/// Ids around a text.
struct Frame {
  std::vector<int64_t> prefix, suffix;
};

/// Throws InvalidOption for tokenizer_kwargs that no tokenizer has, and for values of the wrong
/// type.
void check_settings(const Json& settings);

/// The tokenizer of a model folder: tokenizer.json, vocab.json + merges.txt, or the SentencePiece
/// files of its class (source.spm, spiece.model, sentencepiece.bpe.model, …); with
/// tokenizer_config.json, special_tokens_map.json, added_tokens.json, chat_template.jinja where
/// present. `overrides` are tokenizer_kwargs of the command line (add_bos_token, src_lang, …).
/// Throws InvalidArgument naming the files looked for when there is none, FormatError when one is
/// broken, Unsupported for the classes written in Python other than Marian's, M2M100's, PLBart's
/// and BlenderbotSmall's. Settings for padding and truncation are ignored: they are the caller's.
std::unique_ptr<Tokenizer> load_tokenizer(const std::string& folder,
                                          const Json& overrides = Json::object());

/// The tokenizer inside GGUF metadata ("tokenizer.ggml.*"), as transformers builds it from a GGUF
/// file.
std::unique_ptr<Tokenizer> load_gguf_tokenizer(const Json& metadata,
                                               const Json& overrides = Json::object());

}  // namespace inseq::text
