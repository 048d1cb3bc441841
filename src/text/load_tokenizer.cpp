#include <filesystem>

#include "inseq/error.h"
#include "text/class_recipe.h"
#include "text/folder_settings.h"
#include "text/json_file.h"
#include "text/library_tokenizer.h"
#include "text/piece_tokenizer.h"
#include "text/spm_vocabulary.h"
#include "text/tokenizer_class.h"

namespace inseq::text {
namespace {

std::string text_value(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// A tokenizer of the library in the making.
struct Start {
  Backend backend;
  Json file;  // describes tokenizer.json, or stands for it
};

[[noreturn]] void refuse_folder(const std::string& folder, const std::string& class_name) {
  for (const char* file :
       {"tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "source.spm"}) {
    INSEQ_CHECK(!has_file(folder, file), Unsupported, folder, ": has a SentencePiece model (", file,
                ") but no tokenizer.json, which ", class_name,
                " needs; in Python, AutoTokenizer.from_pretrained(folder).save_pretrained(folder) "
                "writes one");
  }
  const std::string pieces = spm_file_of(class_name);
  throw InvalidArgument(
      concat(folder, ": no tokenizer; looked for tokenizer.json, for vocab.json with merges.txt, ",
             pieces.empty() ? "and for vocab.txt" : concat("for vocab.txt and for ", pieces)));
}

/// The vocabulary of a folder without tokenizer.json; may set defaults in `settings`.
Start start_without_file(const std::string& folder, const ClassRecipe* recipe,
                         const std::string& class_name, Json& settings) {
  if (auto pieces = load_spm_vocabulary(folder, class_name, settings)) {
    settings["additional_special_tokens"] = pieces->additional;
    return {std::move(pieces->backend), std::move(pieces->file)};
  }
  if (has_file(folder, "vocab.json") && has_file(folder, "merges.txt")) {
    INSEQ_CHECK(recipe != nullptr && std::string_view(recipe->model) == "BPE", Unsupported, folder,
                ": has vocab.json and merges.txt but no tokenizer.json, which ", class_name,
                " needs");
    return {Backend::from_vocab_and_merges(read_file(folder, "vocab.json"),
                                           read_file(folder, "merges.txt"),
                                           folder + "/vocab.json and merges.txt"),
            Json::object()};
  }
  if (has_file(folder, "vocab.txt") && class_name == "BertTokenizer") {
    return {Backend::from_word_pieces(read_file(folder, "vocab.txt"), folder + "/vocab.txt"),
            Json::object()};
  }
  refuse_folder(folder, class_name);
}

ClassHints read_hints(const std::string& folder, const Json& config, const std::string& content) {
  const Json model = read_object(folder, "config.json");
  return {.model_type = text_value(model, "model_type"),
          .model_name = text_value(model, "model_name"),
          .config_class = text_value(model, "tokenizer_class"),
          .tokenizer_class = text_value(config, "tokenizer_class"),
          .folder = folder,
          .byte_level = content.find("\"ByteLevel\"") != std::string::npos};
}

std::string class_for(const ClassHints& hints, bool has_vocab_and_merges) {
  const bool says_nothing =
      hints.model_type.empty() && hints.config_class.empty() && hints.tokenizer_class.empty();
  // Only byte-level tokenizers of the GPT-2 family come as this pair of files.
  return says_nothing && has_vocab_and_merges ? "GPT2Tokenizer" : choose_tokenizer_class(hints);
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const std::string& folder, const Json& overrides) {
  std::error_code ignored;
  INSEQ_CHECK(std::filesystem::is_directory(folder, ignored), InvalidArgument, folder,
              ": no such folder; a tokenizer is loaded from the folder of its model");
  INSEQ_CHECK(overrides.is_object(), InvalidArgument, "tokenizer settings are ",
              overrides.type_name(), ", needed an object such as {\"add_bos_token\": true}");
  Json config = read_object(folder, "tokenizer_config.json");
  const bool whole = has_file(folder, "tokenizer.json");
  const std::string content = whole ? read_file(folder, "tokenizer.json") : "";
  const std::string class_name =
      class_for(read_hints(folder, config, content), !whole && has_file(folder, "merges.txt"));
  if (is_piece_class(class_name)) {
    FolderSettings gathered = gather_settings(folder, std::move(config), overrides, Json());
    auto model = load_piece_model(class_name, folder, gathered.settings);
    return std::make_unique<PieceTokenizer>(std::move(model), std::move(gathered), class_name);
  }
  INSEQ_CHECK(!is_slow_class(class_name), Unsupported, folder, ": its tokenizer is a ", class_name,
              ", which is not one of the tokenizers library; this version cannot read it");
  std::optional<Backend> read;
  if (whole) read = Backend::from_json(content, folder + "/tokenizer.json");
  Json file = whole ? read->describe() : Json();
  FolderSettings gathered = gather_settings(folder, std::move(config), overrides, file);
  const ClassRecipe* recipe = find_recipe(class_name);
  Start start = whole ? Start{std::move(*read), std::move(file)}
                      : start_without_file(folder, recipe, class_name, gathered.settings);
  // A file with another kind of model than its class builds is taken as it is.
  const bool rebuilt =
      recipe != nullptr && (!whole || start.file["model"]["type"] == recipe->model);
  if (recipe != nullptr) {
    const Json parts = recipe->parts(gathered.settings, start.backend, start.file);
    if (rebuilt) start.backend.assemble(parts);
  }
  TokenizerBuilder builder(std::move(start.backend), std::move(gathered.settings),
                           std::move(gathered.added));
  builder.initialise();
  if (rebuilt && recipe->finish != nullptr) recipe->finish(builder);
  return std::make_unique<LibraryTokenizer>(std::move(builder), class_name);
}

}  // namespace inseq::text
