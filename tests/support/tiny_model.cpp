#include "support/tiny_model.h"

#include <cmath>

#include "support/pullback.h"

namespace inseq::test {
namespace {

std::unique_ptr<nn::Norm> norm(const TinyModel& m) {
  const Tensor weight = 1 + 0.3 * randn64({m.hidden});
  if (m.llama) return std::make_unique<nn::RmsNorm>(weight, 1e-6);
  return std::make_unique<nn::LayerNorm>(weight, 0.3 * randn64({m.hidden}), 1e-5);
}

std::unique_ptr<nn::FeedForward> feed_forward(const TinyModel& m) {
  const nn::Linear down(randn64({m.hidden, m.inner}) * 0.5, randn64({m.hidden}) * 0.3);
  if (m.llama) {
    return std::make_unique<nn::GatedFeedForward>(
        nn::Linear(randn64({2 * m.inner, m.hidden}), Tensor()), down, nn::Activation("silu"));
  }
  return std::make_unique<nn::PlainFeedForward>(
      nn::Linear(randn64({m.inner, m.hidden}), randn64({m.inner})), down,
      nn::Activation("gelu_new"));
}

}  // namespace

models::DecoderOnly tiny_model(const TinyModel& m) {
  models::InputSide::Parts input{.token_embeddings = randn64({m.vocab, m.hidden}),
                                 .positions = nullptr};
  std::unique_ptr<nn::RotaryFrequencies> rotary;
  if (m.dynamic_from > 0) {
    rotary = nn::dynamic_frequencies(m.head_dim, 100.0, {2.0, m.dynamic_from});
  } else if (m.llama) {
    rotary = nn::plain_frequencies(m.head_dim, 100.0);
  } else {
    input.positions = std::make_unique<nn::TablePositions>(randn64({16, m.hidden}));
  }
  models::LayerStack::Parts decoder{
      .input = models::InputSide(std::move(input)),
      .rotary = std::move(rotary),
      .layers = {},
      .names = {.layers = "model.layers.", .attention = {".self_attn"}, .feed_forward = {".mlp"}}};
  const auto residual = [&] { return models::Residual(norm(m), models::NormPlacement::kBefore); };
  for (int64_t i = 0; i < m.layers; ++i) {
    const int64_t units = (m.heads + 2 * m.kv_heads) * m.head_dim;
    decoder.layers.push_back(models::TransformerLayer(
        {.self = {residual(),
                  std::make_unique<nn::SelfAttention>(
                      nn::Linear(randn64({units, m.hidden}), randn64({units})),
                      nn::Linear(randn64({m.hidden, m.heads * m.head_dim}) * 0.5, Tensor()),
                      nn::SelfAttention::Shape{m.heads, m.kv_heads, m.head_dim,
                                               1 / std::sqrt(static_cast<double>(m.head_dim))})},
         .feed_forward = {residual(), feed_forward(m)}}));
  }
  decoder.final_norm = norm(m);
  return models::DecoderOnly(
      {.sizes = {m.vocab, m.hidden, m.layers, m.heads, m.kv_heads, m.head_dim},
       .decoder = std::move(decoder),
       .head = nn::Linear(randn64({m.vocab, m.hidden}), Tensor())});
}

}  // namespace inseq::test
