#include "models/stack/bart_form.h"

#include <cmath>

#include "inseq/error.h"
#include "models/stack/token_tables.h"

namespace inseq::models {
namespace {

constexpr double kNormEps = 1e-5;            // not configurable in transformers
constexpr int64_t kMostSinusoids = 1 << 16;  // positions; no model has as many

struct HalfSizes {
  std::string name;  // "encoder" or "decoder"
  int64_t layers = 0, heads = 0, inner = 0;
};

/// Builds one model; holds what all its parts need.
class Builder {
 public:
  Builder(const Config& config, const Weights& weights, const BartForm& form)
      : config_(config),
        weights_(weights),
        form_(form),
        hidden_(config.size({"d_model"})),
        activation_(config.text("activation_function", form.activation)),
        encoder_(half_sizes("encoder")),
        decoder_(half_sizes("decoder")),
        tables_(weights, hidden_) {}

  std::unique_ptr<LanguageModel> build();

 private:
  HalfSizes half_sizes(const std::string& name) const;
  std::string name(const HalfSizes& half, const std::string& rest) const {
    return form_.prefix + half.name + "." + rest;
  }
  std::unique_ptr<nn::Norm> norm(const std::string& name) const;
  Residual residual(const std::string& name) const { return {norm(name), form_.placement}; }
  std::unique_ptr<nn::Positions> positions(const HalfSizes& half) const;
  std::unique_ptr<nn::FeedForward> feed_forward(const HalfSizes& half, int64_t layer) const;
  std::unique_ptr<nn::SelfAttention> self_attention(const HalfSizes& half,
                                                    const std::string& layer) const;
  std::unique_ptr<nn::CrossAttention> cross_attention(const std::string& layer) const;
  TransformerLayer layer(const HalfSizes& half, int64_t i) const;
  LayerNames names(const HalfSizes& half) const;
  LayerStack::Parts half(const HalfSizes& half, EmbeddingNorm placement, int64_t vocab);
  Tensor table_of(const HalfSizes& half, int64_t vocab);
  nn::Linear head(int64_t vocab);

  const Config& config_;
  const Weights& weights_;
  const BartForm& form_;
  int64_t hidden_;
  std::string activation_;
  HalfSizes encoder_, decoder_;
  TokenTables tables_;
};

HalfSizes Builder::half_sizes(const std::string& name) const {
  HalfSizes half{name, config_.size({name + "_layers"}), config_.size({name + "_attention_heads"}),
                 config_.size({name + "_ffn_dim"})};
  INSEQ_CHECK(hidden_ % half.heads == 0, FormatError, config_.path(), ": d_model ", hidden_,
              " is not a multiple of ", half.heads, " attention heads (", name,
              "_attention_heads)");
  return half;
}

std::unique_ptr<nn::Norm> Builder::norm(const std::string& name) const {
  return std::make_unique<nn::LayerNorm>(weights_.get(name + ".weight", {hidden_}),
                                         weights_.get(name + ".bias", {hidden_}), kNormEps);
}

std::unique_ptr<nn::Positions> Builder::positions(const HalfSizes& half) const {
  const std::string stored = name(half, "embed_positions.weight");
  if (form_.positions == BartPositions::kTensor2Tensor) {
    const std::vector<int64_t> padding = config_.ids("pad_token_id");
    const int64_t first = (padding.empty() ? 1 : padding.front()) + 1;
    return std::make_unique<nn::SinusoidalPositions>(hidden_, first, weights_.options());
  }
  const int64_t count =
      config_.size({"max_" + half.name + "_position_embeddings", "max_position_embeddings"}, 1024);
  if (form_.positions == BartPositions::kMarian && !weights_.has(stored)) {
    INSEQ_CHECK(count <= kMostSinusoids, FormatError, config_.path(), ": ", count,
                " positions are more than the ", kMostSinusoids, " that a table is made for");
    return std::make_unique<nn::TablePositions>(
        nn::marian_sinusoids(count, hidden_).to(weights_.options()));
  }
  const int64_t offset = form_.positions == BartPositions::kLearnedAfterTwo ? 2 : 0;
  Tensor table = weights_.get(stored, {count + offset, hidden_});
  if (form_.max_source_positions && half.name == encoder_.name) {
    table = table.narrow(0, 0, std::min(count, *form_.max_source_positions) + offset);
  }
  return std::make_unique<nn::TablePositions>(table, offset);
}

std::unique_ptr<nn::FeedForward> Builder::feed_forward(const HalfSizes& half, int64_t layer) const {
  if (form_.feed_forward != nullptr) {
    return form_.feed_forward(config_, weights_, half.name, layer);
  }
  return bart_feed_forward(config_, weights_, name(half, "layers." + std::to_string(layer) + "."),
                           half.inner, activation_);
}

std::unique_ptr<nn::SelfAttention> Builder::self_attention(const HalfSizes& half,
                                                           const std::string& layer) const {
  const bool encodes = half.name == encoder_.name;
  const auto names = encodes ? form_.encoder_attention : BartForm().encoder_attention;
  const std::string prefix = layer + "self_attn.";
  const int64_t dim = hidden_ / half.heads;
  return std::make_unique<nn::SelfAttention>(
      weights_.fused_linear({{prefix + names[0], hidden_},
                             {prefix + names[1], hidden_},
                             {prefix + names[2], hidden_}},
                            hidden_, /*bias=*/true),
      weights_.linear(prefix + names[3], hidden_, hidden_, /*bias=*/true),
      nn::SelfAttention::Shape{half.heads, half.heads, dim, 1 / std::sqrt(static_cast<double>(dim)),
                               encodes ? nn::Visibility::kAll : nn::Visibility::kEarlier});
}

std::unique_ptr<nn::CrossAttention> Builder::cross_attention(const std::string& layer) const {
  const std::string prefix = layer + form_.cross_attention + ".";
  const int64_t heads = decoder_.heads, dim = hidden_ / heads;
  return std::make_unique<nn::CrossAttention>(
      weights_.linear(prefix + "q_proj", hidden_, hidden_, /*bias=*/true),
      weights_.fused_linear({{prefix + "k_proj", hidden_}, {prefix + "v_proj", hidden_}}, hidden_,
                            /*bias=*/true),
      weights_.linear(prefix + "out_proj", hidden_, hidden_, /*bias=*/true),
      nn::CrossAttention::Shape{heads, dim, 1 / std::sqrt(static_cast<double>(dim))});
}

TransformerLayer Builder::layer(const HalfSizes& half, int64_t i) const {
  const std::string prefix = name(half, "layers." + std::to_string(i) + ".");
  TransformerLayer::Parts parts{
      .self = {residual(prefix + "self_attn_layer_norm"), self_attention(half, prefix)},
      .feed_forward = {residual(prefix + form_.feed_forward_norm), feed_forward(half, i)}};
  if (half.name == decoder_.name) {
    parts.cross = {residual(prefix + form_.cross_attention + "_layer_norm"),
                   cross_attention(prefix)};
  }
  return TransformerLayer(std::move(parts));
}

/// A half's embeddings, under its own name or that of what it may be tied to.
Tensor Builder::table_of(const HalfSizes& half, int64_t vocab) {
  const std::string other = half.name == encoder_.name ? decoder_.name : encoder_.name;
  return tables_.first_of(
      {form_.prefix + half.name + ".embed_tokens.weight", form_.prefix + "shared.weight",
       form_.prefix + other + ".embed_tokens.weight", "lm_head.weight"},
      vocab);
}

LayerNames Builder::names(const HalfSizes& half) const {
  const bool encodes = half.name == encoder_.name;
  const std::string out = "." + (encodes ? form_ : BartForm()).encoder_attention[3];
  LayerNames names{.layers = name(half, "layers."),
                   .attention = {".self_attn", ".self_attn" + out},
                   .feed_forward = {"." + form_.feed_forward_module}};
  if (!encodes) names.cross = {"." + form_.cross_attention, "." + form_.cross_attention + out};
  return names;
}

LayerStack::Parts Builder::half(const HalfSizes& half, EmbeddingNorm placement, int64_t vocab) {
  InputSide::Parts input{.token_embeddings = table_of(half, vocab),
                         .positions = positions(half),
                         .placement = placement};
  if (form_.scale_embedding && config_.flag("scale_embedding", *form_.scale_embedding)) {
    input.scale = std::sqrt(static_cast<double>(hidden_));
  }
  if (placement != EmbeddingNorm::kNone) input.norm = norm(name(half, "layernorm_embedding"));
  LayerStack::Parts out{.half = half.name == encoder_.name ? Half::kEncoder : Half::kDecoder,
                        .input = InputSide(std::move(input)),
                        .layers = {},
                        .names = names(half)};
  for (int64_t i = 0; i < half.layers; ++i) out.layers.push_back(layer(half, i));
  if (form_.placement == NormPlacement::kBefore) out.final_norm = norm(name(half, "layer_norm"));
  return out;
}

nn::Linear Builder::head(int64_t vocab) {
  std::vector<std::string> names{"lm_head.weight"};
  if (config_.flag("tie_word_embeddings", true)) {
    for (const char* tied :
         {"decoder.embed_tokens.weight", "shared.weight", "encoder.embed_tokens.weight"}) {
      names.push_back(form_.prefix + tied);
    }
  }
  Tensor bias;
  if (weights_.has("final_logits_bias")) {
    bias = weights_.get("final_logits_bias", {1, vocab}).view({vocab});
  }
  return {tables_.first_of(names, vocab), bias};
}

std::unique_ptr<LanguageModel> Builder::build() {
  const int64_t vocab = config_.size({"vocab_size"});
  // Marian's halves may have vocabularies of their own.
  const int64_t target_vocab = config_.size({"decoder_vocab_size"}, vocab);
  const bool shared = config_.flag("share_encoder_decoder_embeddings", true);
  INSEQ_CHECK(!shared || target_vocab == vocab, FormatError, config_.path(),
              ": decoder_vocab_size ", target_vocab, " is not vocab_size ", vocab,
              ", though the embeddings are shared");
  EncoderDecoderParts parts{.sizes = {.vocab = target_vocab,
                                      .hidden = hidden_,
                                      .layers = decoder_.layers,
                                      .heads = decoder_.heads,
                                      .encoder_layers = encoder_.layers,
                                      .encoder_heads = encoder_.heads,
                                      .max_positions = std::nullopt,
                                      .max_source_positions = std::nullopt},
                            .encoder = half(encoder_, form_.encoder_norm, vocab),
                            .decoder = half(decoder_, form_.decoder_norm, target_vocab),
                            .head = head(target_vocab)};
  return std::make_unique<EncoderDecoder>(std::move(parts));
}

}  // namespace

std::unique_ptr<nn::FeedForward> bart_feed_forward(const Config& config, const Weights& weights,
                                                   const std::string& name, int64_t inner,
                                                   const std::string& activation) {
  const int64_t hidden = config.size({"d_model"});
  return std::make_unique<nn::PlainFeedForward>(
      weights.linear(name + "fc1", hidden, inner, /*bias=*/true),
      weights.linear(name + "fc2", inner, hidden, /*bias=*/true), nn::Activation(activation));
}

std::unique_ptr<LanguageModel> build_bart_form(const Config& config, const Weights& weights,
                                               const BartForm& form) {
  return Builder(config, weights, form).build();
}

std::string bart_stored_name(const std::string& name, const io::TensorFile& file) {
  constexpr std::string_view prefix = "model.";
  const bool bare = name.starts_with(prefix) && file.find(name) == nullptr &&
                    file.find("encoder.layers.0.self_attn_layer_norm.weight") != nullptr;
  return bare ? name.substr(prefix.size()) : name;
}

}  // namespace inseq::models
