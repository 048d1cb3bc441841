#include "models/stack/t5_form.h"

#include <cmath>

#include "inseq/error.h"
#include "models/stack/token_tables.h"

namespace inseq::models {
namespace {

struct Sizes {
  int64_t vocab = 0, hidden = 0, heads = 0, head_dim = 0, inner = 0, buckets = 0, max_distance = 0;
  int64_t units() const { return heads * head_dim; }
};

/// "relu", "gated-gelu": an activation, and whether it opens a gate.
struct FeedForwardKind {
  std::string activation;
  bool gated = false;
};

FeedForwardKind read_feed_forward(const Config& config, const T5Form& form) {
  const std::string name = config.text("feed_forward_proj", form.feed_forward);
  const size_t dash = name.find('-');
  if (dash == std::string::npos) return {name, false};
  INSEQ_CHECK(name.substr(0, dash) == "gated", FormatError, config.path(),
              ": \"feed_forward_proj\" is \"", name,
              "\", needed is an activation function, or \"gated-\" and one");
  if (name == "gated-gelu") return {"gelu_new", true};  // as transformers reads it
  return {name.substr(dash + 1), true};
}

/// Builds one model; holds what all its parts need.
class Builder {
 public:
  Builder(const Config& config, const Weights& weights, const T5Form& form)
      : config_(config),
        weights_(weights),
        form_(form),
        kind_(read_feed_forward(config, form)),
        sizes_{.vocab = config.size({"vocab_size"}),
               .hidden = config.size({"d_model"}, 512),
               .heads = config.size({"num_heads"}, form.heads),
               .head_dim = config.size({"d_kv"}, 64),
               .inner = config.size({"d_ff"}, form.inner),
               .buckets = config.size({"relative_attention_num_buckets"}, 32),
               .max_distance = config.size({"relative_attention_max_distance"}, 128)},
        tables_(weights, sizes_.hidden) {
    INSEQ_CHECK(sizes_.buckets >= 4 && sizes_.max_distance > sizes_.buckets / 2, FormatError,
                config.path(), ": relative_attention_num_buckets ", sizes_.buckets,
                " and relative_attention_max_distance ", sizes_.max_distance,
                " do not fit: needed are 4 buckets or more, and a distance of more than half of "
                "them");
  }

  std::unique_ptr<LanguageModel> build();

 private:
  using Bias = std::shared_ptr<const nn::RelativeBias>;
  std::unique_ptr<nn::Norm> norm(const std::string& name) const;
  Residual residual(const std::string& name) const {
    return {norm(name + "layer_norm"), NormPlacement::kBefore};
  }
  Bias bias(const std::string& half, int64_t layer) const;
  std::unique_ptr<nn::FeedForward> feed_forward(const std::string& name) const;
  std::unique_ptr<nn::CrossAttention> cross_attention(const std::string& name) const;
  TransformerLayer layer(const std::string& half, int64_t i, const Bias& bias) const;
  static LayerNames names(const std::string& half);
  LayerStack::Parts half(const std::string& half, int64_t layers);
  double logit_scale(bool tied) const;

  const Config& config_;
  const Weights& weights_;
  const T5Form& form_;
  FeedForwardKind kind_;
  Sizes sizes_;
  TokenTables tables_;
};

std::unique_ptr<nn::Norm> Builder::norm(const std::string& name) const {
  return std::make_unique<nn::RmsNorm>(weights_.get(name + ".weight", {sizes_.hidden}),
                                       config_.number("layer_norm_epsilon", 1e-6));
}

Builder::Bias Builder::bias(const std::string& half, int64_t layer) const {
  const std::string name = half + ".block." + std::to_string(layer) +
                           ".layer.0.SelfAttention.relative_attention_bias.weight";
  return std::make_shared<nn::RelativeBias>(
      weights_.get(name, {sizes_.buckets, sizes_.heads}),
      nn::RelativeBias::Options{.both_directions = half == "encoder",
                                .max_distance = sizes_.max_distance});
}

std::unique_ptr<nn::FeedForward> Builder::feed_forward(const std::string& name) const {
  const int64_t hidden = sizes_.hidden, inner = sizes_.inner;
  const nn::Activation activation(kind_.activation);
  nn::Linear down = weights_.linear(name + "wo", inner, hidden, /*bias=*/false);
  if (!kind_.gated) {
    return std::make_unique<nn::PlainFeedForward>(
        weights_.linear(name + "wi", hidden, inner, /*bias=*/false), std::move(down), activation);
  }
  return std::make_unique<nn::GatedFeedForward>(
      weights_.fused_linear({{name + "wi_0", inner}, {name + "wi_1", inner}}, hidden,
                            /*bias=*/false),
      std::move(down), activation);
}

std::unique_ptr<nn::CrossAttention> Builder::cross_attention(const std::string& name) const {
  const int64_t hidden = sizes_.hidden, units = sizes_.units();
  return std::make_unique<nn::CrossAttention>(
      weights_.linear(name + "q", hidden, units, /*bias=*/false),
      weights_.fused_linear({{name + "k", units}, {name + "v", units}}, hidden, /*bias=*/false),
      weights_.linear(name + "o", units, hidden, /*bias=*/false),
      nn::CrossAttention::Shape{sizes_.heads, sizes_.head_dim, 1.0});
}

TransformerLayer Builder::layer(const std::string& half, int64_t i, const Bias& bias) const {
  const std::string block = half + ".block." + std::to_string(i) + ".layer.";
  const bool encodes = half == "encoder";
  const std::string self = block + "0.", last = block + (encodes ? "1." : "2.");
  const std::string attention = self + "SelfAttention.";
  const int64_t units = sizes_.units();
  TransformerLayer::Parts parts{
      .self =
          {residual(self),
           std::make_unique<nn::SelfAttention>(
               weights_.fused_linear(
                   {{attention + "q", units}, {attention + "k", units}, {attention + "v", units}},
                   sizes_.hidden, /*bias=*/false),
               weights_.linear(attention + "o", units, sizes_.hidden, /*bias=*/false),
               nn::SelfAttention::Shape{sizes_.heads, sizes_.heads, sizes_.head_dim, 1.0,
                                        encodes ? nn::Visibility::kAll : nn::Visibility::kEarlier},
               bias)},
      .feed_forward = {residual(last), feed_forward(last + "DenseReluDense.")}};
  if (!encodes) {
    parts.cross = {residual(block + "1."), cross_attention(block + "1.EncDecAttention.")};
  }
  return TransformerLayer(std::move(parts));
}

LayerNames Builder::names(const std::string& half) {
  const std::string self = ".layer.0.SelfAttention", cross = ".layer.1.EncDecAttention";
  LayerNames names{
      .layers = half + ".block.", .attention = {self, self + ".o"}, .feed_forward = {}};
  if (half == "decoder") names.cross = {cross, cross + ".o"};
  const std::string inner = names.cross.empty() ? ".layer.1" : ".layer.2";
  names.feed_forward = {inner + ".DenseReluDense", inner + ".DenseReluDense.wo"};
  return names;
}

LayerStack::Parts Builder::half(const std::string& half, int64_t layers) {
  const std::string other = half == "encoder" ? "decoder" : "encoder";
  LayerStack::Parts out{.half = half == "encoder" ? Half::kEncoder : Half::kDecoder,
                        .input = InputSide({.token_embeddings = tables_.first_of(
                                                {half + ".embed_tokens.weight", "shared.weight",
                                                 other + ".embed_tokens.weight", "lm_head.weight"},
                                                sizes_.vocab),
                                            .positions = nullptr}),
                        .layers = {},
                        .final_norm = norm(half + ".final_layer_norm"),
                        .names = names(half)};
  Bias shared = form_.bias == T5Bias::kFirstLayer ? bias(half, 0) : nullptr;
  for (int64_t i = 0; i < layers; ++i) {
    out.layers.push_back(layer(half, i, shared ? shared : bias(half, i)));
  }
  return out;
}

/// A head that was trained apart from the embeddings has learned its scale. Of a shared one,
/// "tie_word_embeddings" says whether it is scaled; checkpoints that transformers 5 saved, where
/// that is always true, say it in "scale_decoder_outputs".
double Builder::logit_scale(bool tied) const {
  const double scale = 1 / std::sqrt(static_cast<double>(sizes_.hidden));
  if (!tied || form_.logit_scale == T5LogitScale::kNever) return 1.0;
  if (form_.logit_scale == T5LogitScale::kWhenTied) return scale;
  const bool scaled = config_.flag("tie_word_embeddings", true);
  return config_.flag("scale_decoder_outputs", scaled) ? scale : 1.0;
}

std::unique_ptr<LanguageModel> Builder::build() {
  const int64_t layers = config_.size({"num_layers"}, form_.layers);
  const int64_t decoder_layers = config_.size({"num_decoder_layers"}, layers);
  LayerStack::Parts encoder = half("encoder", layers), decoder = half("decoder", decoder_layers);
  const Tensor head =
      tables_.first_of({"lm_head.weight", "shared.weight", "decoder.embed_tokens.weight",
                        "encoder.embed_tokens.weight"},
                       sizes_.vocab);
  const bool tied = head.is_same(decoder.input.token_embeddings());
  EncoderDecoderParts parts{.sizes = {.vocab = sizes_.vocab,
                                      .hidden = sizes_.hidden,
                                      .layers = decoder_layers,
                                      .heads = sizes_.heads,
                                      .encoder_layers = layers,
                                      .encoder_heads = sizes_.heads,
                                      .max_positions = std::nullopt,
                                      .max_source_positions = std::nullopt},
                            .encoder = std::move(encoder),
                            .decoder = std::move(decoder),
                            .head = nn::Linear(head, Tensor()),
                            .logit_scale = logit_scale(tied)};
  return std::make_unique<EncoderDecoder>(std::move(parts));
}

}  // namespace

std::unique_ptr<LanguageModel> build_t5_form(const Config& config, const Weights& weights,
                                             const T5Form& form) {
  return Builder(config, weights, form).build();
}

}  // namespace inseq::models
