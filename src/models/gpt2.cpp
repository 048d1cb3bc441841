// GPT-2 (Radford et al. 2019): layer norms, learned positions, plain feed-forward, weights stored
// [in, out].
#include <cmath>

#include "inseq/error.h"
#include "models/stack/architecture.h"
#include "models/stack/decoder_only.h"
#include "models/stack/token_tables.h"

namespace inseq::models {
namespace {

DecoderOnlySizes read_sizes(const Config& config) {
  DecoderOnlySizes s;
  s.vocab = config.size({"vocab_size"}, 50257);
  s.hidden = config.size({"n_embd", "hidden_size"}, 768);
  s.layers = config.size({"n_layer", "num_hidden_layers"}, 12);
  s.heads = config.size({"n_head", "num_attention_heads"}, 12);
  INSEQ_CHECK(s.hidden % s.heads == 0, FormatError, config.path(), ": hidden size ", s.hidden,
              " is not a multiple of ", s.heads, " attention heads");
  s.kv_heads = s.heads;
  s.head_dim = s.hidden / s.heads;
  return s;
}

nn::Linear transposed_linear(const Weights& weights, const std::string& name, int64_t in,
                             int64_t out) {
  return {weights.get(name + ".weight", {in, out}).t().contiguous(),
          weights.get(name + ".bias", {out})};
}

std::unique_ptr<nn::Norm> layer_norm(const Weights& weights, const std::string& name,
                                     int64_t hidden, double eps) {
  return std::make_unique<nn::LayerNorm>(weights.get(name + ".weight", {hidden}),
                                         weights.get(name + ".bias", {hidden}), eps);
}

/// 1 / sqrt(head_dim), unless the configuration says otherwise.
double attention_scale(const Config& config, const DecoderOnlySizes& s, int64_t layer) {
  double scale = 1.0;
  if (config.flag("scale_attn_weights", true)) scale /= std::sqrt(static_cast<double>(s.head_dim));
  if (config.flag("scale_attn_by_inverse_layer_idx", false))
    scale /= static_cast<double>(layer + 1);
  return scale;
}

TransformerLayer build_layer(const Config& config, const Weights& weights,
                             const DecoderOnlySizes& s, int64_t i) {
  const std::string name = "transformer.h." + std::to_string(i) + ".";
  const double eps = config.number("layer_norm_epsilon", 1e-5);
  const int64_t inner = config.size({"n_inner"}, 4 * s.hidden);
  const auto residual = [&](const char* norm) {
    return Residual(layer_norm(weights, name + norm, s.hidden, eps), NormPlacement::kBefore);
  };
  return TransformerLayer(
      {.self = {residual("ln_1"),
                std::make_unique<nn::SelfAttention>(
                    transposed_linear(weights, name + "attn.c_attn", s.hidden, 3 * s.hidden),
                    transposed_linear(weights, name + "attn.c_proj", s.hidden, s.hidden),
                    nn::SelfAttention::Shape{s.heads, s.heads, s.head_dim,
                                             attention_scale(config, s, i)})},
       .feed_forward = {residual("ln_2"),
                        std::make_unique<nn::PlainFeedForward>(
                            transposed_linear(weights, name + "mlp.c_fc", s.hidden, inner),
                            transposed_linear(weights, name + "mlp.c_proj", inner, s.hidden),
                            nn::Activation(config.text("activation_function", "gelu_new")))}});
}

std::unique_ptr<LanguageModel> build(const Config& config, const Weights& weights) {
  INSEQ_CHECK(!config.flag("add_cross_attention", false), Unsupported, config.path(),
              ": GPT-2 with cross-attention is not supported");
  const DecoderOnlySizes s = read_sizes(config);
  const double eps = config.number("layer_norm_epsilon", 1e-5);
  const auto [embeddings, head] =
      TokenTables(weights, s.hidden)
          .embeddings_and_head("transformer.wte.weight", "lm_head.weight",
                               config.flag("tie_word_embeddings", true), s.vocab);
  const int64_t positions = config.size({"n_positions", "max_position_embeddings"}, 1024);
  LayerStack::Parts decoder{
      .input = InputSide({.token_embeddings = embeddings,
                          .positions = std::make_unique<nn::TablePositions>(
                              weights.get("transformer.wpe.weight", {positions, s.hidden}))}),
      .layers = {},
      .final_norm = layer_norm(weights, "transformer.ln_f", s.hidden, eps),
      .names = {.layers = "transformer.h.",
                .attention = {".attn", ".attn.c_proj"},
                .feed_forward = {".mlp", ".mlp.c_proj"}}};
  for (int64_t i = 0; i < s.layers; ++i)
    decoder.layers.push_back(build_layer(config, weights, s, i));
  return std::make_unique<DecoderOnly>(DecoderOnlyParts{
      .sizes = s, .decoder = std::move(decoder), .head = nn::Linear(head, Tensor())});
}

/// The first GPT-2 checkpoints were saved without the language-model head, hence without its
/// prefix.
std::string stored_name(const std::string& name, const io::TensorFile& file) {
  constexpr std::string_view prefix = "transformer.";
  const bool bare = name.starts_with(prefix) && file.find("wte.weight") != nullptr;
  return bare ? name.substr(prefix.size()) : name;
}

}  // namespace

void register_gpt2(ArchitectureRegistry& registry) {
  registry.add({"GPT2LMHeadModel"},
               {.summary = "GPT-2 and models of its form (DistilGPT-2, DialoGPT, …)",
                .build = build,
                .stored_name = stored_name});
}

}  // namespace inseq::models
