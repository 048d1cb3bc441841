#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "inseq/attribution.h"
#include "inseq/error.h"
#include "inseq/progress.h"

namespace inseq {

/// How to load a model.
struct LoadOptions {
  std::string dtype =
      "float32";  ///< "float32", "bfloat16", "float16", "float64", or "auto": the checkpoint's own
  std::string device = "cpu";              ///< "cpu", "cuda" or "cuda:N"
  std::string revision = "main";           ///< branch, tag or commit of a hub model
  Json model_kwargs = Json::object();      ///< entries that override config.json
  Json tokenizer_kwargs = Json::object();  ///< entries that override tokenizer_config.json
  int threads = 0;                         ///< CPU threads; 0 leaves LibTorch's choice
  ProgressCallback progress = nullptr;
};

/// What to attribute and how. Names, meanings and defaults are those of Inseq's
/// AttributionModel.attribute().
struct AttributeOptions {
  std::string method = "saliency";  ///< see list_methods()
  std::string attributed_fn =
      "probability";  ///< the score whose causes are sought; see list_step_functions()
  std::vector<std::string> step_scores = {};  ///< further scores to compute for each step
  std::optional<int64_t> attr_pos_start =
      {};  ///< first target position to explain; default: first generated token
  std::optional<int64_t> attr_pos_end = {};  ///< one past the last; negative counts from the end
  /// Explain target prefix tokens beside the source; decoder-only models always explain them.
  bool attribute_target = false;
  /// The given generated texts are beginnings to continue; ignored for decoder-only models.
  bool generate_from_target_prefix = false;
  bool output_step_attributions = false;  ///< also return one StepAttribution per generation step
  bool include_eos_baseline = false;      ///< for methods with baselines
  bool skip_special_tokens = false;       ///< encode texts without special tokens
  bool clean_special_chars = false;       ///< show tokens as text instead of vocabulary names
  int64_t batch_size = 8;                 ///< texts generated at once
  Json generation_args =
      Json::object();  ///< as transformers' generate(); when no generated texts are given
  Json attribution_args = Json::object();  ///< options of the method
  /// False: keep one number per token and step (the norm over hidden units, the mean over heads and
  /// layers), so that memory does not grow with the model; the reduced axes stay, with size 1.
  bool granular = true;
  std::string engine = "pullback";  ///< "pullback", or "autograd": the slow reference
  int64_t memory_limit = 0;  ///< working memory in bytes; 0: half of what is free, 70 % on a GPU
  ProgressCallback progress = nullptr;
};

/// Throw InvalidOption for names and values that no model would take (Unsupported for what this
/// version cannot do). Loading and attributing check the same; a program that checks first can tell
/// its user before a large model is loaded.
void check_options(const LoadOptions& options);
void check_options(const AttributeOptions& options);

/// A language model with its tokenizer, ready to generate and to be explained. Nothing in it
/// changes because an attribution ran; const methods may be called from several threads.
///
///     const auto model = inseq::AttributionModel::load("");  // the default model
///     const auto out = model.attribute({"The capital of France is"}, {.method = "saliency"});
///     std::cout << inseq::to_terminal(out, model);
class AttributionModel {
 public:
  /// Loads a folder, a .gguf file, a hub name, or with "" the default model. Throws InvalidArgument
  /// when it is not found, FormatError when a file is damaged, Unsupported for an unknown
  /// architecture.
  static AttributionModel load(const std::string& name_or_path, const LoadOptions& options = {});

  AttributionModel(AttributionModel&&) noexcept;
  AttributionModel& operator=(AttributionModel&&) noexcept;
  ~AttributionModel();

  /// Generates a continuation (with an encoder, an output such as a translation) of each text and
  /// explains every generated token.
  AttributionOutput attribute(const std::vector<std::string>& texts,
                              const AttributeOptions& options = {}) const;
  /// Explains given texts. Without an encoder, each must begin with its input text; with one, they
  /// are the outputs, or with generate_from_target_prefix the beginnings of outputs to generate.
  AttributionOutput attribute(const std::vector<std::string>& texts,
                              const std::vector<std::string>& generated_texts,
                              const AttributeOptions& options = {}) const;

  /// Continues each text; the result holds input and continuation (with an encoder, the output
  /// alone). `generation_args` as in AttributeOptions.
  std::vector<std::string> generate(const std::vector<std::string>& texts,
                                    const Json& generation_args = Json::object(),
                                    int64_t batch_size = 8,
                                    const ProgressCallback& progress = {}) const;

  /// The tokens of a text, special tokens included.
  std::vector<Token> encode(const std::string& text) const;
  /// The text of token ids.
  std::string decode(const std::vector<int64_t>& ids) const;
  /// A token as a reader wants to see it: " the" for "Ġthe".
  std::string readable(const Token& token) const;
  /// Renders the model's chat template for `messages`, objects with "role" and "content".
  std::string apply_chat_template(const Json& messages) const;

  /// Whether the model reads a source and writes a target of its own.
  bool is_encoder_decoder() const;

  /// Tokens of the longest text that a model with rotary positions was trained for, as config.json
  /// says: longer ones can be read, but it makes little sense of them. Absent for other models;
  /// those with a table of positions refuse longer texts.
  std::optional<int64_t> trained_length() const;

  /// model_name, model_class, tokenizer_name, tokenizer_class, as in the `info` of an output.
  Json info() const;

 private:
  struct Parts;
  explicit AttributionModel(std::unique_ptr<Parts> parts);
  AttributionOutput attribute_generated(const std::vector<std::string>& texts,
                                        const std::vector<std::string>& generated,
                                        const AttributeOptions& options) const;
  std::unique_ptr<Parts> parts_;
};

/// One score per token and step, as each method's default aggregation gives it.
AttributionOutput aggregate(const AttributionOutput& output);

/// A heat map for the terminal that standard output goes to: its width, the colours it can show,
/// plain text for files and pipes and when $NO_COLOR is set. Aggregates first.
std::string to_terminal(const AttributionOutput& output, const AttributionModel& model);
/// The same as plain text of at most `width` columns.
std::string to_plain_text(const AttributionOutput& output, const AttributionModel& model,
                          int width = 100);

/// Writes an output in Inseq's JSON format; reads what Inseq or this library wrote. Files ending in
/// .gz are compressed.
void save(const AttributionOutput& output, const std::string& path);
AttributionOutput load_attribution(const std::string& path);

/// What there is, with one line each for listings.
struct Listed {
  std::string name, summary;
  Json details;  ///< everything known: of methods family, needs, options with defaults, paper
};
std::vector<Listed> list_methods();
std::vector<Listed> list_step_functions();
std::vector<Listed> list_models();

}  // namespace inseq
