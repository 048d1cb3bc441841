#include "models/stack/encoder_decoder.h"

namespace inseq::models {

using View = LayerStack::View;
using Source = LayerStack::Source;

EncoderDecoder::EncoderDecoder(EncoderDecoderParts parts)
    : encoder_(std::move(parts.encoder)),
      decoder_(std::move(parts.decoder)),
      head_(std::move(parts.head)),
      logit_scale_(parts.logit_scale),
      sizes_(parts.sizes) {
  sizes_.source_vocab = encoder_.input().token_embeddings().size(0);
  sizes_.max_source_positions = encoder_.input().limit();
  sizes_.max_positions = decoder_.input().limit();
}

void EncoderDecoder::Keys::reorder(const Tensor& rows) {
  for (nn::KeyValueCache& layer : layers) layer.reorder(rows);
  const Tensor before = source_of;
  source_of = before.index_select(0, rows.to(at::kCPU));
  // Beams mostly change places among those of the same source, whose keys are the same.
  if (at::equal(before, source_of)) return;
  for (Source& source : sources) {
    const Tensor index = rows.to(source.k.device());
    source.k = source.k.index_select(0, index);
    source.v = source.v.index_select(0, index);
    if (source.padding.defined()) source.padding = source.padding.index_select(0, index);
  }
}

/// Source keys and values of every layer with cross-attention.
std::vector<Source> EncoderDecoder::sources_of(const Tensor& encoded, const Tensor& padding) const {
  std::vector<Source> sources;
  for (const TransformerLayer& layer : decoder_.layers())
    sources.push_back(layer.cross().source(encoded, padding));
  return sources;
}

Sides EncoderDecoder::embed(const Sides& ids) const {
  const auto side = [](const LayerStack& half, const Tensor& of) {
    return of.defined() ? half.input().embed(of) : Tensor();
  };
  return {side(encoder_, ids.source), side(decoder_, ids.target)};
}

std::vector<std::pair<std::string, Tap>> EncoderDecoder::taps() const {
  auto out = encoder_.taps();
  const auto of_decoder = decoder_.taps();
  out.insert(out.end(), of_decoder.begin(), of_decoder.end());
  return out;
}

Sides EncoderDecoder::at_tap(const Tap& tap, const Sides& embeddings, int64_t) const {
  View view = View::all(embeddings.source);
  if (tap.half == Half::kEncoder)
    return {encoder_.at_tap(tap, embeddings.source, view).output, embeddings.target};
  const std::vector<Source> sources = sources_of(encoder_.forward(embeddings.source, view, {}), {});
  view = View::all(embeddings.target);
  view.sources = &sources;
  return {Tensor(), decoder_.at_tap(tap, embeddings.target, view).output};
}

std::unique_ptr<LanguageModel::Pass> EncoderDecoder::forward(const Sides& embeddings,
                                                             const PassOptions& options) const {
  auto pass = std::make_unique<Kept>();
  const auto* reference = static_cast<const Kept*>(options.reference);
  const auto run = [&](LayerStack::Saved Kept::* half) {
    return LayerStack::Run{.keep = options.keep,
                           .saved = &((*pass).*half),
                           .reference = reference ? &(reference->*half) : nullptr,
                           .every_function = options.every_function};
  };
  LayerStack::Run encoding = run(&Kept::encoder), decoding = run(&Kept::decoder);
  const Tap* tap = options.tap;
  const bool from_decoder = tap != nullptr && tap->half == Half::kDecoder;
  const Tensor& source = from_decoder ? options.base->source : embeddings.source;
  const View source_view = View::all(source);
  if (from_decoder) {
    encoding = {};  // no pullback goes there
  } else if (tap != nullptr) {
    encoding.tap = tap;
    encoding.stream = encoder_.stream_at(*tap, options.base->source, source_view);
  }
  std::vector<Source> sources = sources_of(encoder_.forward(source, source_view, encoding), {});
  pass->encoder.tokens = source.size(1);
  View view = View::all(embeddings.target);
  view.sources = &sources;
  if (from_decoder) {
    decoding.tap = tap;
    decoding.stream = decoder_.stream_at(*tap, options.base->target, view);
    for (Source& one : sources) one = LayerStack::for_batch(one, embeddings.target.size(0));
  }
  pass->final_hidden = decoder_.forward(embeddings.target, view, decoding);
  return pass;
}

std::unique_ptr<LanguageModel::Pass> EncoderDecoder::forward_on(const Pass& prefix, int64_t from,
                                                                const Tensor& target,
                                                                const PassOptions& options) const {
  auto pass = std::make_unique<Kept>();
  pass->from = from;
  pass->encoder.tokens = static_cast<const Kept&>(prefix).encoder.tokens;
  pass->final_hidden =
      decoder_.forward_on(static_cast<const Kept&>(prefix).decoder, from, target, options.length,
                          {.keep = options.keep, .saved = &pass->decoder});
  return pass;
}

Tensor EncoderDecoder::logits(const Tensor& final_hidden) const {
  const Tensor scaled = logit_scale_ == 1.0 ? final_hidden : final_hidden * logit_scale_;
  return head_.forward(scaled).to(wide_type(type()));
}

Tensor EncoderDecoder::logits_pullback(const Tensor& grad_logits) const {
  const Tensor grad = head_.pullback(grad_logits.to(type()));
  return logit_scale_ == 1.0 ? grad : grad * logit_scale_;
}

Sides EncoderDecoder::pullback(const Tensor& grad_final, const std::vector<int64_t>& positions,
                               const Pass& pass, bool target_too) const {
  const auto& kept = static_cast<const Kept&>(pass);
  const int64_t steps = grad_final.size(0), batch = grad_final.size(1);
  // A pass that continues another, or begins in the decoder, leaves no encoder behind.
  const bool to_source = !kept.encoder.layers.empty();
  Tensor grad_encoded = at::zeros({steps * batch * kept.encoder.tokens, grad_final.size(2)},
                                  grad_final.options().dtype(wide_type(type())));
  const auto reach =
      target_too || !to_source ? LayerStack::Reach::kStart : LayerStack::Reach::kSource;
  Sides out;
  out.target = decoder_.pullback(grad_final, positions, kept.decoder, grad_encoded, reach);
  if (to_source) out.source = encoder_.pullback_of_all(grad_encoded, steps, kept.encoder);
  return out;
}

AttentionWeights EncoderDecoder::attention(const Pass& pass, const Tensor& rows) const {
  const auto& kept = static_cast<const Kept&>(pass);
  const Tensor all = at::arange(kept.encoder.tokens, rows.options());
  return {.decoder = decoder_.attention(Block::kSelfAttention, kept.decoder, rows),
          .cross = decoder_.attention(Block::kCrossAttention, kept.decoder, rows),
          .encoder = encoder_.attention(Block::kSelfAttention, kept.encoder, all)};
}

void EncoderDecoder::zero_values(const Sides& embeddings, const ValueZeroing& zeroing) const {
  const Tensor encoded =
      encoder_.zero_values(embeddings.source, View::all(embeddings.source), zeroing);
  const std::vector<Source> sources = sources_of(encoded, {});
  View view = View::all(embeddings.target);
  view.sources = &sources;
  decoder_.zero_values(embeddings.target, view, zeroing);
}

std::unique_ptr<LanguageModel::Cache> EncoderDecoder::start(const Tensor& source_ids,
                                                            const Tensor& source_mask) const {
  auto cache = std::make_unique<Keys>();
  const Tensor padding = seen_tokens(source_mask, 0, device()).padding;
  const Tensor embeddings = encoder_.input().embed(source_ids);
  // Padding stands on the right, so that positions need not know of it.
  View view = View::all(embeddings);
  view.padding = padding;
  cache->sources = sources_of(encoder_.forward(embeddings, view, {}), padding);
  cache->layers.resize(decoder_.layers().size());
  cache->source_of = at::arange(source_ids.size(0), at::kLong);
  return cache;
}

Tensor EncoderDecoder::next_logits(const Tensor& ids, const Tensor& mask, Cache& given) const {
  auto& cache = static_cast<Keys&>(given);
  const auto [positions, padding] = seen_tokens(mask, ids.size(1), device());
  const Tensor hidden = decoder_.forward(decoder_.input().embed(ids),
                                         {.positions = positions,
                                          .padding = padding,
                                          .sources = &cache.sources,
                                          .caches = &cache.layers},
                                         {.last_rows = 1});
  return logits(hidden).squeeze(1);
}

int64_t EncoderDecoder::pullback_bytes(int64_t source_tokens, int64_t tokens) const {
  const ModelSizes& s = sizes_;
  const int64_t element = element_bytes(type()), wide = element_bytes(wide_type(type()));
  // Residual gradient and its copies, and the largest of feed-forward and attention temporaries.
  const auto per_token = [&](const LayerStack& half, int64_t attention_units) {
    const int64_t inner = half.layers().front().feed_forward().inner_units();
    return s.hidden * (2 * wide + 2 * element) + std::max(inner, attention_units) * element;
  };
  const auto& cross = decoder_.layers().front().cross().shape();
  const int64_t units = cross.heads * cross.head_dim;
  const int64_t encoder = per_token(encoder_, 4 * units), decoder = per_token(decoder_, 4 * units);
  // While the decoder is pulled back, the encoder's gradient grows beside it, and keys and values
  // of the source have gradients.
  const int64_t growing = s.hidden * wide + 2 * units * element;
  int64_t bytes = std::max(source_tokens * encoder + tokens * s.hidden * wide,
                           tokens * decoder + source_tokens * growing);
  if (device().is_cuda()) {  // no tiled kernel: three sets of attention weights
    const int64_t heads = std::max(s.heads, s.encoder_heads);
    bytes += 3 * heads * wide * std::max(tokens, source_tokens) * std::max(tokens, source_tokens);
  }
  return bytes;
}

int64_t EncoderDecoder::saved_bytes(int64_t source_tokens, int64_t tokens) const {
  const ModelSizes& s = sizes_;
  const int64_t element = element_bytes(type()), wide = element_bytes(wide_type(type()));
  const auto& cross = decoder_.layers().front().cross().shape();
  const int64_t units = cross.heads * cross.head_dim;
  // Normalised inputs of each block, slopes of the feed-forward, queries, keys and values.
  const auto per_token = [&](const LayerStack& half, int64_t blocks, int64_t attention_units) {
    const int64_t inner = half.layers().front().feed_forward().inner_units();
    return static_cast<int64_t>(half.layers().size()) *
           (blocks * (s.hidden * element + wide) + attention_units * wide + inner * element);
  };
  return source_tokens * (per_token(encoder_, 2, 3 * units) + 2 * units * wide * s.layers) +
         tokens * per_token(decoder_, 3, 4 * units) +
         3 * (source_tokens + tokens) * s.hidden * element;
}

}  // namespace inseq::models
