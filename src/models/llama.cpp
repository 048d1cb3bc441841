// Llama (Touvron et al. 2023) and models of its form: RMS norms, rotary positions, grouped keys,
// gated feed-forward.
#include <cmath>

#include "inseq/error.h"
#include "models/stack/architecture.h"
#include "models/stack/decoder_only.h"
#include "models/stack/rotary_settings.h"
#include "models/stack/token_tables.h"

namespace inseq::models {
namespace {

constexpr const char* kClass = "LlamaForCausalLM";

DecoderOnlySizes read_sizes(const Config& config) {
  DecoderOnlySizes s;
  s.vocab = config.size({"vocab_size"}, 32000);
  s.hidden = config.size({"hidden_size"}, 4096);
  s.layers = config.size({"num_hidden_layers"}, 32);
  s.heads = config.size({"num_attention_heads"}, 32);
  s.kv_heads = config.size({"num_key_value_heads"}, s.heads);
  s.head_dim = config.size({"head_dim"}, std::max<int64_t>(1, s.hidden / s.heads));
  INSEQ_CHECK(s.heads % s.kv_heads == 0, FormatError, config.path(), ": ", s.heads,
              " attention heads cannot share ", s.kv_heads, " key-value heads");
  INSEQ_CHECK(s.head_dim % 2 == 0, FormatError, config.path(), ": head_dim is ", s.head_dim,
              ", rotary positions need an even number");
  return s;
}

TransformerLayer build_layer(const Config& config, const Weights& weights,
                             const DecoderOnlySizes& s, int64_t i) {
  const std::string name = "model.layers." + std::to_string(i) + ".";
  const std::string attention = name + "self_attn.", mlp = name + "mlp.";
  const bool attention_bias = config.flag("attention_bias", false),
             mlp_bias = config.flag("mlp_bias", false);
  const double eps = config.number("rms_norm_eps", 1e-6);
  const int64_t inner = config.size({"intermediate_size"}, 11008);
  const int64_t q = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim;
  const auto residual = [&](const char* norm) {
    return Residual(
        std::make_unique<nn::RmsNorm>(weights.get(name + norm + ".weight", {s.hidden}), eps),
        NormPlacement::kBefore);
  };
  return TransformerLayer(
      {.self = {residual("input_layernorm"),
                std::make_unique<nn::SelfAttention>(
                    weights.fused_linear({{attention + "q_proj", q},
                                          {attention + "k_proj", kv},
                                          {attention + "v_proj", kv}},
                                         s.hidden, attention_bias),
                    weights.linear(attention + "o_proj", q, s.hidden, attention_bias),
                    nn::SelfAttention::Shape{s.heads, s.kv_heads, s.head_dim,
                                             1 / std::sqrt(static_cast<double>(s.head_dim))})},
       .feed_forward = {
           residual("post_attention_layernorm"),
           std::make_unique<nn::GatedFeedForward>(
               weights.fused_linear({{mlp + "gate_proj", inner}, {mlp + "up_proj", inner}},
                                    s.hidden, mlp_bias),
               weights.linear(mlp + "down_proj", inner, s.hidden, mlp_bias),
               nn::Activation(config.text("hidden_act", "silu")))}});
}

std::unique_ptr<LanguageModel> build(const Config& config, const Weights& weights) {
  const DecoderOnlySizes s = read_sizes(config);
  const auto [embeddings, head] =
      TokenTables(weights, s.hidden)
          .embeddings_and_head("model.embed_tokens.weight", "lm_head.weight",
                               config.flag("tie_word_embeddings", false), s.vocab);
  LayerStack::Parts decoder{
      .input = InputSide({.token_embeddings = embeddings, .positions = nullptr}),
      .layers = {},
      .names = {.layers = "model.layers.",
                .attention = {".self_attn", ".self_attn.o_proj"},
                .feed_forward = {".mlp", ".mlp.down_proj"}}};
  for (int64_t i = 0; i < s.layers; ++i)
    decoder.layers.push_back(build_layer(config, weights, s, i));
  decoder.rotary = read_rotary(config, s.head_dim);  // after the weights have shown that it fits
  decoder.final_norm = std::make_unique<nn::RmsNorm>(weights.get("model.norm.weight", {s.hidden}),
                                                     config.number("rms_norm_eps", 1e-6));
  return std::make_unique<DecoderOnly>(DecoderOnlyParts{
      .sizes = s, .decoder = std::move(decoder), .head = nn::Linear(head, Tensor())});
}

// --- GGUF
// -------------------------------------------------------------------------------------------------

/// The factors that the converter worked out of Llama 3's rotary scaling.
Json gguf_factors(const io::TensorEntry& entry, const std::string& path) {
  INSEQ_CHECK(entry.shape.size() == 1 && entry.numel() <= 4096, FormatError, path,
              ": rope_freqs.weight is ", io::shape_text(entry.shape),
              ", needed is one factor for each rotary frequency");
  std::vector<float> factors(static_cast<size_t>(entry.numel()));
  io::to_float32(entry, factors);
  return factors;
}

/// Rotary scaling; null for none.
Json gguf_scaling(const io::GgufFile& file) {
  const Json type = file.metadata().value("llama.rope.scaling.type", Json("none"));
  const io::TensorEntry* factors = file.find("rope_freqs.weight");
  if (type == "none" && factors == nullptr) return nullptr;
  if (type == "none")
    return {{"rope_type", "factors"}, {"factors", gguf_factors(*factors, file.path())}};
  INSEQ_CHECK(type == "linear" && factors == nullptr, Unsupported, file.path(), ": rotary scaling ",
              type.dump(), factors != nullptr ? " with rope_freqs.weight" : "",
              " is not supported in GGUF files; use the original checkpoint");
  return {{"rope_type", "linear"},
          {"factor", file.metadata().value("llama.rope.scaling.factor", Json(1.0))}};
}

Json gguf_config(const io::GgufFile& file) {
  const Json& metadata = file.metadata();
  Json config = {{"architectures", {kClass}},
                 {"model_type", "llama"},
                 {"hidden_act", "silu"},
                 {"tie_word_embeddings", file.find("output.weight") == nullptr}};
  const auto copy = [&](const char* key, const char* name) {
    if (metadata.contains(key)) config[name] = metadata[key];
  };
  copy("llama.context_length", "max_position_embeddings");
  copy("llama.block_count", "num_hidden_layers");
  copy("llama.feed_forward_length", "intermediate_size");
  copy("llama.embedding_length", "hidden_size");
  copy("llama.rope.dimension_count", "head_dim");
  copy("llama.rope.freq_base", "rope_theta");
  config["rope_scaling"] = gguf_scaling(file);
  copy("llama.attention.head_count", "num_attention_heads");
  copy("llama.attention.head_count_kv", "num_key_value_heads");
  copy("llama.attention.layer_norm_rms_epsilon", "rms_norm_eps");
  copy("tokenizer.ggml.bos_token_id", "bos_token_id");
  copy("tokenizer.ggml.eos_token_id", "eos_token_id");
  copy("tokenizer.ggml.padding_token_id", "pad_token_id");
  const io::TensorEntry* embeddings = file.find("token_embd.weight");
  if (embeddings != nullptr && !embeddings->shape.empty())
    config["vocab_size"] = embeddings->shape[0];
  return config;
}

std::string gguf_name(const std::string& name) {
  static const std::vector<std::pair<std::string, std::string>> parts = {
      {"model.embed_tokens.", "token_embd."},
      {"model.norm.", "output_norm."},
      {"lm_head.", "output."},
      {"model.layers.", "blk."},
      {".input_layernorm.", ".attn_norm."},
      {".post_attention_layernorm.", ".ffn_norm."},
      {".self_attn.q_proj.", ".attn_q."},
      {".self_attn.k_proj.", ".attn_k."},
      {".self_attn.v_proj.", ".attn_v."},
      {".self_attn.o_proj.", ".attn_output."},
      {".mlp.gate_proj.", ".ffn_gate."},
      {".mlp.up_proj.", ".ffn_up."},
      {".mlp.down_proj.", ".ffn_down."},
  };
  std::string out = name;
  for (const auto& [from, to] : parts) {
    if (const size_t at = out.find(from); at != std::string::npos) out.replace(at, from.size(), to);
  }
  return out;
}

/// GGUF interleaves the two halves of each rotary pair; transformers keeps them apart.
Tensor gguf_undo(const std::string& name, const Tensor& tensor, const Config& config) {
  const bool q = name.find(".q_proj.") != std::string::npos,
             k = name.find(".k_proj.") != std::string::npos;
  if (!q && !k) return tensor;
  const DecoderOnlySizes s = read_sizes(config);
  const int64_t heads = q ? s.heads : s.kv_heads;
  return tensor.unflatten(0, {heads, s.head_dim / 2, 2}).transpose(1, 2).reshape(tensor.sizes());
}

}  // namespace

void register_llama(ArchitectureRegistry& registry) {
  registry.add({kClass}, {.summary = "Llama and models of its form (SmolLM2, TinyLlama, Vicuna, …)",
                          .build = build,
                          .gguf_architectures = {"llama"},
                          .gguf_config = gguf_config,
                          .gguf_name = gguf_name,
                          .gguf_undo = gguf_undo});
}

}  // namespace inseq::models
