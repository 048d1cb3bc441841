#include "inseq/attribution_model.h"

#include <ATen/Parallel.h>

#include "api/parts.h"
#include "base/text_distance.h"
#include "base/utf8.h"
#include "io/model_location.h"
#include "models/stack/device.h"
#include "models/stack/rotary_settings.h"

namespace inseq {
namespace {

/// As Inseq resolves them: the configuration first, then the tokenizer.
ModelTokens model_tokens(const models::Config& config, const text::Tokenizer& tokenizer) {
  const auto first = [&](const char* key) {
    const std::vector<int64_t> ids = config.ids(key);
    return ids.empty() ? int64_t{-1} : ids.front();
  };
  ModelTokens tokens{first("decoder_start_token_id"), first("eos_token_id"), first("pad_token_id"),
                     tokenizer.special().unk};
  if (tokens.bos < 0) tokens.bos = first("bos_token_id");
  if (tokens.bos < 0) tokens.bos = tokenizer.special().bos;
  if (tokens.eos < 0) tokens.eos = tokenizer.special().eos;
  if (tokens.pad < 0) tokens.pad = tokenizer.special().pad;
  if (tokens.pad < 0) tokens.pad = tokens.eos;
  if (tokens.unk < 0) tokens.unk = tokenizer.special().pad;  // also where config.json has another
  if (tokens.unk < 0) tokens.unk = tokens.pad;
  return tokens;
}

/// The type most of the checkpoint is stored in; quantised ones become float32.
at::ScalarType checkpoint_type(const models::ModelFiles& files) {
  for (const io::TensorEntry& entry : files.tensors->entries()) {
    if (entry.shape.size() < 2) continue;
    if (entry.dtype == io::DType::kBF16) return at::kBFloat16;
    if (entry.dtype == io::DType::kF16) return at::kHalf;
    break;
  }
  return at::kFloat;
}

/// Settings of transformers' from_pretrained that mean something here; others override config.json.
struct ModelKwargs {
  std::string dtype;
  std::string revision;
  Json overrides = Json::object();
};

ModelKwargs read_model_kwargs(const LoadOptions& options) {
  ModelKwargs out{options.dtype, options.revision, Json::object()};
  for (const auto& [key, value] : options.model_kwargs.items()) {
    const bool is_text = value.is_string();
    if (key == "dtype" || key == "torch_dtype") {
      INSEQ_CHECK(is_text, InvalidOption, "model option \"", key, "\" is ", value.dump(),
                  ", needed is a name such as \"bfloat16\"");
      out.dtype = value.get<std::string>();
    } else if (key == "revision") {
      INSEQ_CHECK(is_text, InvalidOption, "model option \"revision\" is ", value.dump(),
                  ", needed is a text");
      out.revision = value.get<std::string>();
    } else if (key == "attn_implementation") {
      INSEQ_CHECK(value == "eager", Unsupported, "attention implementation ", value.dump(),
                  " cannot be chosen: attention weights are always computed as by \"eager\"");
    } else if (key == "low_cpu_mem_usage" || key == "use_safetensors" ||
               key == "trust_remote_code") {
      // They say how transformers loads; loading here always takes little memory and never runs
      // code.
    } else {
      out.overrides[key] = value;
    }
  }
  return out;
}

/// Overrides must be keys that the configuration has, so that a misspelt one is noticed.
void check_overrides(const models::Config& config, const Json& overrides) {
  std::vector<std::string> known = {"dtype", "revision"};
  for (const auto& [key, value] : config.json().items()) known.push_back(key);
  for (const auto& [key, value] : overrides.items()) {
    INSEQ_CHECK(config.json().contains(key), InvalidOption, "model option \"", key,
                "\" is not known: it is neither dtype, revision nor an entry of ", config.path(),
                did_you_mean(key, known));
  }
}

}  // namespace

void check_options(const LoadOptions& options) {
  const std::string dtype = read_model_kwargs(options).dtype;
  if (dtype != "auto") models::parse_dtype(dtype);
  models::check_device_name(options.device);
  text::check_settings(options.tokenizer_kwargs);
}

std::vector<int64_t> AttributionModel::Parts::encoded(const std::string& text,
                                                      bool add_special_tokens,
                                                      text::Side side) const {
  std::vector<int64_t> ids = tokenizer->encode(text, add_special_tokens, side).ids;
  const bool doubled =
      ids.size() >= 2 && tokens.bos >= 0 && ids[0] == tokens.bos && ids[1] == tokens.bos;
  if (doubled) ids.erase(ids.begin());
  const bool is_source = has_encoder() && side == text::Side::kSource;
  const int64_t vocab = is_source ? model->sizes().source_vocab : model->sizes().vocab;
  for (const int64_t id : ids) {
    INSEQ_CHECK(id >= 0 && id < vocab, FormatError, "the tokenizer gives token ", id, " (\"",
                tokenizer->id_to_token(id, side), "\"), the model knows ", vocab,
                " tokens: tokenizer and model do not belong together");
  }
  return ids;
}

std::vector<int64_t> AttributionModel::Parts::ids_of(const std::string& text,
                                                     bool add_special_tokens) const {
  return encoded(text, add_special_tokens,
                 has_encoder() ? text::Side::kSource : text::Side::kTarget);
}

std::vector<int64_t> AttributionModel::Parts::target_ids_of(const std::string& text,
                                                            bool add_special_tokens) const {
  std::vector<int64_t> ids = encoded(text, add_special_tokens, text::Side::kTarget);
  if (!has_encoder()) return ids;
  INSEQ_CHECK(tokens.bos >= 0, FormatError, config.path(),
              ": neither decoder_start_token_id nor bos_token_id says how a target begins");
  ids.insert(ids.begin(), tokens.bos);
  return ids;
}

std::vector<Token> AttributionModel::Parts::tokens_of(const std::vector<int64_t>& ids,
                                                      text::Side side) const {
  std::vector<Token> out;
  for (const int64_t id : ids) out.push_back({tokenizer->id_to_token(id, side), id});
  return out;
}

AttributionModel::AttributionModel(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
AttributionModel::AttributionModel(AttributionModel&&) noexcept = default;
AttributionModel& AttributionModel::operator=(AttributionModel&&) noexcept = default;
AttributionModel::~AttributionModel() = default;

AttributionModel AttributionModel::load(const std::string& name_or_path,
                                        const LoadOptions& options) {
  const at::NoGradGuard no_grad;
  check_options(options);
  const ModelKwargs kwargs = read_model_kwargs(options);
  models::WeightOptions weights{at::kFloat, models::open_device(options.device)};
  if (kwargs.dtype != "auto") weights.dtype = models::parse_dtype(kwargs.dtype);
  if (options.threads > 0) at::set_num_threads(options.threads);

  const io::ModelLocation location =
      io::locate_model(name_or_path, {.revision = kwargs.revision, .progress = options.progress});
  models::ModelFiles files = models::open_model_files(location.path, location.is_gguf);
  check_overrides(files.config, kwargs.overrides);
  if (!kwargs.overrides.empty()) {
    Json json = files.config.json();
    json.update(kwargs.overrides);
    files.config = models::Config(json, files.config.path());
  }
  if (kwargs.dtype == "auto") weights.dtype = checkpoint_type(files);
  auto tokenizer = location.is_gguf
                       ? text::load_gguf_tokenizer(files.gguf_metadata, options.tokenizer_kwargs)
                       : text::load_tokenizer(location.path, options.tokenizer_kwargs);
  for (const auto& [name, side] :
       {std::pair{"src_lang", text::Side::kSource}, std::pair{"tgt_lang", text::Side::kTarget}}) {
    const auto set = options.tokenizer_kwargs.find(name);
    INSEQ_CHECK(set == options.tokenizer_kwargs.end() || set->is_null() ||
                    tokenizer->language_id(side).has_value(),
                InvalidArgument, location.name,
                ": its tokenizer has no languages to choose from, so \"", name,
                "\" has no effect; leave it out of tokenizer_kwargs");
  }
  const ModelTokens tokens = model_tokens(files.config, *tokenizer);
  std::unique_ptr<Parts> parts(new Parts{location.name, files.class_name, files.config,
                                         files.generation_config, std::move(tokenizer),
                                         models::build_model(files, weights), tokens});
  if (options.tokenizer_kwargs.contains("tgt_lang")) {
    // Where targets begin with their language, generation has to be told to do so.
    const auto language = parts->tokenizer->language_id(text::Side::kTarget);
    const std::vector<int64_t> start =
        parts->tokenizer->encode("", /*add_special_tokens=*/true, text::Side::kTarget).ids;
    if (language && !start.empty() && start.front() == *language) parts->chosen_language = language;
  }
  return AttributionModel(std::move(parts));
}

bool AttributionModel::is_encoder_decoder() const { return parts_->has_encoder(); }

std::optional<int64_t> AttributionModel::trained_length() const {
  if (parts_->has_encoder() || parts_->model->sizes().max_positions) return {};
  return models::rotary_context(parts_->config);
}

std::vector<Token> AttributionModel::encode(const std::string& text) const {
  return parts_->tokens_of(parts_->ids_of(text, true),
                           parts_->has_encoder() ? text::Side::kSource : text::Side::kTarget);
}

std::string AttributionModel::decode(const std::vector<int64_t>& ids) const {
  return parts_->tokenizer->decode(ids, false);
}

std::string AttributionModel::readable(const Token& token) const {
  // Two vocabularies may name an id differently; the text says which one the token is from.
  for (const text::Side side : {text::Side::kTarget, text::Side::kSource}) {
    const std::optional<int64_t> id = parts_->tokenizer->token_to_id(token.text, side);
    if (id && *id == token.id) return parts_->tokenizer->readable(token.id, side);
  }
  return token.text;
}

std::string AttributionModel::apply_chat_template(const Json& messages) const {
  return parts_->tokenizer->apply_chat_template(messages, /*add_generation_prompt=*/true);
}

Json AttributionModel::info() const {
  return {{"model_name", replace_invalid_utf8(parts_->name)},  // JSON can hold no other
          {"model_class", parts_->class_name},
          {"tokenizer_name", nullptr},
          {"tokenizer_class", parts_->tokenizer->class_name()}};
}

}  // namespace inseq
