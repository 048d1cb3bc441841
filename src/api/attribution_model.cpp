#include "inseq/attribution_model.h"

#include <ATen/Parallel.h>

#include "api/parts.h"
#include "generation/generation.h"
#include "generation/lengths.h"
#include "io/model_location.h"
#include "models/stack/device.h"

namespace inseq {
namespace {

/// As Inseq resolves them: the configuration first, then the tokenizer.
ModelTokens model_tokens(const models::Config& config, const text::Tokenizer& tokenizer) {
  const auto first = [&](const char* key) {
    const std::vector<int64_t> ids = config.ids(key);
    return ids.empty() ? int64_t{-1} : ids.front();
  };
  ModelTokens tokens{first("bos_token_id"), first("eos_token_id"), first("pad_token_id"),
                     tokenizer.special().unk};
  if (tokens.bos < 0) tokens.bos = tokenizer.special().bos;
  if (tokens.eos < 0) tokens.eos = tokenizer.special().eos;
  if (tokens.pad < 0) tokens.pad = tokenizer.special().pad;
  if (tokens.pad < 0) tokens.pad = tokens.eos;
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
      INSEQ_CHECK(is_text, InvalidArgument, "model option \"", key, "\" is ", value.dump(),
                  ", needed is a name such as \"bfloat16\"");
      out.dtype = value.get<std::string>();
    } else if (key == "revision") {
      INSEQ_CHECK(is_text, InvalidArgument, "model option \"revision\" is ", value.dump(),
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
  for (const auto& [key, value] : overrides.items()) {
    INSEQ_CHECK(config.json().contains(key), InvalidArgument, "model option \"", key,
                "\" is not known: it is neither dtype, revision "
                "nor an entry of ",
                config.path());
  }
}

/// Models with a table of positions cannot go past its end. The last new token is not read again
/// and needs no position.
void check_positions(const generation::Options& options, int64_t prompt) {
  if (!options.max_positions) return;
  const int64_t positions = *options.max_positions;
  INSEQ_CHECK(prompt < positions, InvalidArgument, "the prompt has ", prompt,
              " tokens, which leaves no room for new ones in the ", positions,
              " positions of the model; shorten the prompt");
  const int64_t length = generation::resolve_lengths(options, prompt).max;
  INSEQ_CHECK(length - 1 <= positions, InvalidArgument, "a prompt of ", prompt, " tokens and ",
              length - prompt, " new ones are too long for the ", positions,
              " positions of the model; shorten the prompt or generate at most ",
              positions + 1 - prompt, " tokens");
}

}  // namespace

std::vector<int64_t> AttributionModel::Parts::ids_of(const std::string& text,
                                                     bool add_special_tokens) const {
  std::vector<int64_t> ids = tokenizer->encode(text, add_special_tokens).ids;
  const bool doubled =
      ids.size() >= 2 && tokens.bos >= 0 && ids[0] == tokens.bos && ids[1] == tokens.bos;
  if (doubled) ids.erase(ids.begin());
  const int64_t vocab = model->sizes().vocab;
  for (const int64_t id : ids) {
    INSEQ_CHECK(id >= 0 && id < vocab, FormatError, "the tokenizer gives token ", id, " (\"",
                tokenizer->id_to_token(id), "\"), the model knows ", vocab,
                " tokens: tokenizer and model do not belong together");
  }
  return ids;
}

std::vector<Token> AttributionModel::Parts::tokens_of(const std::vector<int64_t>& ids) const {
  std::vector<Token> out;
  for (const int64_t id : ids) out.push_back({tokenizer->id_to_token(id), id});
  return out;
}

AttributionModel::AttributionModel(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
AttributionModel::AttributionModel(AttributionModel&&) noexcept = default;
AttributionModel& AttributionModel::operator=(AttributionModel&&) noexcept = default;
AttributionModel::~AttributionModel() = default;

AttributionModel AttributionModel::load(const std::string& name_or_path,
                                        const LoadOptions& options) {
  const at::NoGradGuard no_grad;
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
  const ModelTokens tokens = model_tokens(files.config, *tokenizer);
  return AttributionModel(std::unique_ptr<Parts>(
      new Parts{location.name, files.class_name, files.config, files.generation_config,
                std::move(tokenizer), models::build_model(files, weights), tokens}));
}

std::vector<std::string> AttributionModel::generate(const std::vector<std::string>& texts,
                                                    const Json& generation_args, int64_t batch_size,
                                                    const ProgressCallback& progress) const {
  return generate_from(texts, /*add_special_tokens=*/true, generation_args, batch_size, progress);
}

std::vector<std::string> AttributionModel::generate_from(const std::vector<std::string>& texts,
                                                         bool add_special_tokens,
                                                         const Json& generation_args,
                                                         int64_t batch_size,
                                                         const ProgressCallback& progress) const {
  const at::NoGradGuard no_grad;
  Json user = generation_args;
  std::optional<bool> skip_special;  // Inseq's own parameter of generate()
  if (user.contains("skip_special_tokens")) {
    INSEQ_CHECK(user["skip_special_tokens"].is_boolean(), InvalidArgument,
                "generation option \"skip_special_tokens\" must be true or false, got ",
                user["skip_special_tokens"].dump());
    skip_special = user["skip_special_tokens"].get<bool>();
    user.erase("skip_special_tokens");
  }
  generation::Options options =
      generation::read_options({.generation_config = parts_->generation_config,
                                .user = user,
                                .model_config = parts_->config.json()});
  options.max_positions = parts_->model->sizes().max_positions;
  if (!options.pad_token_id && parts_->tokens.pad >= 0) options.pad_token_id = parts_->tokens.pad;
  std::vector<std::string> out;
  const size_t size = static_cast<size_t>(std::max<int64_t>(1, batch_size));
  for (size_t begin = 0; begin < texts.size(); begin += size) {
    const size_t count = std::min(size, texts.size() - begin);
    std::vector<std::vector<int64_t>> prompts;
    size_t longest = 0;
    for (size_t i = begin; i < begin + count; ++i) {
      prompts.push_back(parts_->ids_of(texts[i], add_special_tokens));
      INSEQ_CHECK(!prompts.back().empty(), InvalidArgument,
                  "an empty text has no tokens to continue");
      longest = std::max(longest, prompts.back().size());
    }
    const int64_t rows = static_cast<int64_t>(count), columns = static_cast<int64_t>(longest);
    check_positions(options, columns);
    const Tensor ids =
        at::full({rows, columns}, std::max<int64_t>(parts_->tokens.pad, 0), at::kLong);
    const Tensor mask = at::zeros({rows, columns}, at::kLong);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t length = static_cast<int64_t>(prompts[row].size());
      ids[row].narrow(0, columns - length, length).copy_(at::tensor(prompts[row], at::kLong));
      mask[row].narrow(0, columns - length, length).fill_(1);
    }
    const auto cache = parts_->model->start(Tensor(), Tensor());
    const generation::Decoder decoder{
        .next_logits =
            [&](const Tensor& fresh, const Tensor& seen) {
              return parts_->model->next_logits(fresh, seen, *cache);
            },
        .reorder = [&](const Tensor& chosen) { cache->reorder(chosen); }};
    options.num_return_sequences = 1;
    const Tensor generated = generation::generate(decoder, ids, mask, options, progress).ids;
    for (int64_t row = 0; row < rows; ++row) {
      // Padding is cut off by position, so that a pad token which is also EOS is treated as text
      // where it is one.
      const int64_t pad = columns - static_cast<int64_t>(prompts[row].size());
      const Tensor kept = generated[row].narrow(0, pad, generated.size(1) - pad).contiguous();
      const std::span<const int64_t> span(kept.data_ptr<int64_t>(),
                                          static_cast<size_t>(kept.numel()));
      // As Inseq: several texts lose their special tokens, a single one keeps them, unless (a BOS
      // token in front) it would then no longer begin with its input.
      const std::string& text = texts[begin + static_cast<size_t>(row)];
      std::string decoded =
          parts_->tokenizer->decode(span, skip_special.value_or(texts.size() > 1));
      if (!skip_special && !decoded.starts_with(text))
        decoded = parts_->tokenizer->decode(span, true);
      out.push_back(std::move(decoded));
    }
  }
  return out;
}

std::vector<Token> AttributionModel::encode(const std::string& text) const {
  return parts_->tokens_of(parts_->ids_of(text, true));
}

std::string AttributionModel::decode(const std::vector<int64_t>& ids) const {
  return parts_->tokenizer->decode(ids, false);
}

std::string AttributionModel::readable(const Token& token) const {
  const std::optional<int64_t> id = parts_->tokenizer->token_to_id(token.text);
  return id && *id == token.id ? parts_->tokenizer->readable(token.id) : token.text;
}

std::string AttributionModel::apply_chat_template(const Json& messages) const {
  return parts_->tokenizer->apply_chat_template(messages, /*add_generation_prompt=*/true);
}

Json AttributionModel::info() const {
  return {{"model_name", parts_->name},
          {"model_class", parts_->class_name},
          {"tokenizer_name", nullptr},
          {"tokenizer_class", parts_->tokenizer->class_name()}};
}

}  // namespace inseq
