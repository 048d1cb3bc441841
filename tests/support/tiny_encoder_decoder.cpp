#include "support/tiny_encoder_decoder.h"

#include <cmath>

#include "support/pullback.h"

namespace inseq::test {
namespace {

using models::NormPlacement;
using models::TransformerLayer;

nn::Linear linear(int64_t in, int64_t out) {
  return {randn64({out, in}) * 0.6, randn64({out}) * 0.3};
}

std::unique_ptr<nn::Norm> norm(const TinyEncoderDecoder& m) {
  const Tensor weight = 1 + 0.3 * randn64({m.hidden});
  if (m.t5) return std::make_unique<nn::RmsNorm>(weight, 1e-6);
  return std::make_unique<nn::LayerNorm>(weight, 0.3 * randn64({m.hidden}), 1e-5);
}

std::unique_ptr<nn::FeedForward> feed_forward(const TinyEncoderDecoder& m) {
  if (m.t5) {
    return std::make_unique<nn::GatedFeedForward>(
        linear(m.hidden, 2 * m.inner), linear(m.inner, m.hidden), nn::Activation("gelu_new"));
  }
  return std::make_unique<nn::PlainFeedForward>(linear(m.hidden, m.inner),
                                                linear(m.inner, m.hidden), nn::Activation("silu"));
}

TransformerLayer layer(const TinyEncoderDecoder& m, bool encoder,
                       const std::shared_ptr<nn::RelativeBias>& bias) {
  const int64_t units = m.heads * m.head_dim;
  const double scale = m.t5 ? 1.0 : 1 / std::sqrt(static_cast<double>(m.head_dim));
  const auto sees = encoder ? nn::Visibility::kAll : nn::Visibility::kEarlier;
  const auto residual = [&] { return models::Residual(norm(m), m.placement); };
  TransformerLayer::Parts parts{
      .self = {residual(),
               std::make_unique<nn::SelfAttention>(
                   linear(m.hidden, 3 * units), linear(units, m.hidden),
                   nn::SelfAttention::Shape{m.heads, m.heads, m.head_dim, scale, sees}, bias)},
      .feed_forward = {residual(), feed_forward(m)}};
  if (!encoder) {
    parts.cross = {residual(), std::make_unique<nn::CrossAttention>(
                                   linear(m.hidden, units), linear(m.hidden, 2 * units),
                                   linear(units, m.hidden),
                                   nn::CrossAttention::Shape{m.heads, m.head_dim, scale})};
  }
  return TransformerLayer(std::move(parts));
}

models::LayerStack::Parts half(const TinyEncoderDecoder& m, bool encoder) {
  models::InputSide::Parts input{.token_embeddings = randn64({m.vocab, m.hidden}),
                                 .scale = m.t5 ? 1.0 : 1.7,
                                 .positions = nullptr};
  if (!m.t5) input.positions = std::make_unique<nn::TablePositions>(randn64({18, m.hidden}), 2);
  input.placement = m.embedding_norm;
  if (m.embedding_norm != models::EmbeddingNorm::kNone) input.norm = norm(m);
  std::shared_ptr<nn::RelativeBias> bias;
  if (m.t5) {
    bias = std::make_shared<nn::RelativeBias>(
        randn64({8, m.heads}), nn::RelativeBias::Options{encoder, /*max_distance=*/6});
  }
  models::LayerStack::Parts out{.half = encoder ? models::Half::kEncoder : models::Half::kDecoder,
                                .input = models::InputSide(std::move(input)),
                                .layers = {},
                                .names = {.layers = encoder ? "encoder.layers." : "decoder.layers.",
                                          .attention = {".self_attn"},
                                          .feed_forward = {".fc2"}}};
  if (!encoder) out.names.cross = {".encoder_attn"};
  const int64_t layers = encoder ? m.encoder_layers : m.layers;
  for (int64_t i = 0; i < layers; ++i) out.layers.push_back(layer(m, encoder, bias));
  if (m.placement == NormPlacement::kBefore) out.final_norm = norm(m);
  return out;
}

}  // namespace

models::EncoderDecoderParts tiny_parts(const TinyEncoderDecoder& m) {
  return {.sizes = {.vocab = m.vocab,
                    .hidden = m.hidden,
                    .layers = m.layers,
                    .heads = m.heads,
                    .encoder_layers = m.encoder_layers,
                    .encoder_heads = m.heads,
                    .max_positions = {},
                    .max_source_positions = {}},
          .encoder = half(m, true),
          .decoder = half(m, false),
          .head = linear(m.hidden, m.vocab),
          .logit_scale = m.t5 ? 0.4 : 1.0};
}

std::unique_ptr<models::EncoderDecoder> tiny_encoder_decoder(const TinyEncoderDecoder& shape) {
  return std::make_unique<models::EncoderDecoder>(tiny_parts(shape));
}

}  // namespace inseq::test
