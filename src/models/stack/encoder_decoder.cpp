#include "models/stack/encoder_decoder.h"

#include "models/stack/zeroed_layer.h"

namespace inseq::models {

namespace {

using Source = nn::CrossAttention::Source;

/// Source keys and values of every layer with cross-attention.
std::vector<Source> sources_of(const HalfStack& decoder, const Tensor& encoded,
                               const Tensor& padding) {
  std::vector<Source> sources;
  for (const TransformerLayer& layer : decoder.layers) {
    sources.push_back(layer.cross().source(encoded, padding));
  }
  return sources;
}

}  // namespace

/// What one half sees and leaves behind in a pass.
struct EncoderDecoder::HalfContext {
  Tensor positions;     // [tokens] or [batch, tokens] int64
  Tensor padding = {};  // [batch, keys] bool, or undefined
  const std::vector<Source>* sources = nullptr;
  std::vector<nn::KeyValueCache>* caches = nullptr;
  Keep keep = Keep::kNothing;
  HalfSaved* saved = nullptr;
  const HalfSaved* reference = nullptr;  ///< of a baseline, for DeepLIFT's rule
  bool every_function = false;
  int64_t last_rows = 0;  ///< final hidden states wanted: the last so many; 0: all
};

EncoderDecoder::EncoderDecoder(EncoderDecoderParts parts) : parts_(std::move(parts)) {
  parts_.sizes.source_vocab = parts_.encoder.input.token_embeddings().size(0);
  parts_.sizes.max_source_positions = parts_.encoder.input.limit();
  parts_.sizes.max_positions = parts_.decoder.input.limit();
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

Sides EncoderDecoder::embed(const Sides& ids) const {
  const auto side = [](const InputSide& input, const Tensor& of) {
    return of.defined() ? input.embed(of) : Tensor();
  };
  return {side(parts_.encoder.input, ids.source), side(parts_.decoder.input, ids.target)};
}

Tensor EncoderDecoder::run(const HalfStack& half, const Tensor& embeddings,
                           const HalfContext& context) const {
  const bool everything = context.keep == Keep::kPullback;
  HalfSaved* saved = context.keep == Keep::kNothing ? nullptr : context.saved;
  if (saved != nullptr) {
    saved->layers.resize(half.layers.size());
    saved->tokens = embeddings.size(1);
  }
  Tensor x =
      half.input.forward(embeddings, context.positions, everything ? &saved->input_norm : nullptr);
  for (size_t i = 0; i < half.layers.size(); ++i) {
    TransformerLayer::Saved* layer = saved ? &saved->layers[i] : nullptr;
    const bool refers = context.keep == Keep::kReference;
    const TransformerLayer::Keeping keeping{
        .attention = refers ? nullptr : layer,
        .everything = everything ? layer : nullptr,
        .reference = refers ? layer : nullptr,
        .rule = {context.reference ? context.reference->layers[i].feed_forward.inner : Tensor(),
                 context.every_function}};
    x = half.layers[i].forward(x,
                               {.self = {{}, context.padding},
                                .source = context.sources ? &(*context.sources)[i] : nullptr,
                                .cache = context.caches ? &(*context.caches)[i] : nullptr},
                               keeping);
  }
  if (context.last_rows > 0) {
    x = x.narrow(1, x.size(1) - context.last_rows, context.last_rows);
  }
  return half.final_norm ? half.final_norm->forward(x, everything ? &saved->final_norm : nullptr)
                         : x;
}

std::unique_ptr<LanguageModel::Pass> EncoderDecoder::forward(const Sides& embeddings,
                                                             const PassOptions& options) const {
  auto pass = std::make_unique<Kept>();
  const auto* reference = static_cast<const Kept*>(options.reference);
  const at::TensorOptions long_options = embeddings.target.options().dtype(at::kLong);
  HalfContext encoder{.positions = at::arange(embeddings.source.size(1), long_options),
                      .keep = options.keep,
                      .saved = &pass->encoder,
                      .reference = reference ? &reference->encoder : nullptr,
                      .every_function = options.every_function};
  const Tensor encoded = run(parts_.encoder, embeddings.source, encoder);
  const std::vector<Source> sources = sources_of(parts_.decoder, encoded, {});
  HalfContext decoder{.positions = at::arange(embeddings.target.size(1), long_options),
                      .sources = &sources,
                      .keep = options.keep,
                      .saved = &pass->decoder,
                      .reference = reference ? &reference->decoder : nullptr,
                      .every_function = options.every_function};
  pass->final_hidden = run(parts_.decoder, embeddings.target, decoder);
  return pass;
}

std::unique_ptr<LanguageModel::Pass> EncoderDecoder::forward_on(const Pass& prefix, int64_t from,
                                                                const Tensor& target,
                                                                const PassOptions& options) const {
  const HalfSaved& before = static_cast<const Kept&>(prefix).decoder;
  std::vector<nn::KeyValueCache> caches;
  std::vector<Source> sources;
  for (const TransformerLayer::Saved& layer : before.layers) {
    caches.push_back(layer.self.prefix(from, target.size(0)));
    const auto shared = [&](const Tensor& x) {  // one entry serves the whole batch
      return x.expand({target.size(0), -1, -1, -1});
    };
    sources.push_back({shared(layer.cross.source.k), shared(layer.cross.source.v), {}});
  }
  auto pass = std::make_unique<Kept>();
  pass->from = from;
  pass->final_hidden =
      run(parts_.decoder, target,
          {.positions = at::arange(from, from + target.size(1), target.options().dtype(at::kLong)),
           .sources = &sources,
           .caches = &caches,
           .keep = options.keep,
           .saved = &pass->decoder});
  return pass;
}

Tensor EncoderDecoder::logits(const Tensor& final_hidden) const {
  const Tensor scaled =
      parts_.logit_scale == 1.0 ? final_hidden : final_hidden * parts_.logit_scale;
  return parts_.head.forward(scaled).to(wide_type());
}

Tensor EncoderDecoder::logits_pullback(const Tensor& grad_logits) const {
  const Tensor grad = parts_.head.pullback(grad_logits.to(type()));
  return parts_.logit_scale == 1.0 ? grad : grad * parts_.logit_scale;
}

Sides EncoderDecoder::pullback(const Tensor& grad_final, const std::vector<int64_t>& positions,
                               const Pass& pass, bool target_too) const {
  const auto& kept = static_cast<const Kept&>(pass);
  Sides out;
  const Tensor grad_encoded = pull_decoder(grad_final, positions, kept, target_too, out);
  if (kept.encoder.layers.empty()) return out;
  out.source = pull_encoder(grad_encoded, grad_final.size(0), kept);
  return out;
}

/// From the final hidden states to the target's embeddings (out.target, where wanted) and the
/// encoder's output: [steps * batch * source tokens, hidden].
Tensor EncoderDecoder::pull_decoder(const Tensor& grad_final, const std::vector<int64_t>& of_text,
                                    const Kept& kept, bool target_too, Sides& out) const {
  const HalfStack& half = parts_.decoder;
  const HalfSaved& saved = kept.decoder;
  std::vector<int64_t> positions;  // of the pass
  for (const int64_t position : of_text) positions.push_back(position - kept.from);
  const int64_t batch = grad_final.size(1);
  const nn::Rows own = nn::Rows::own(positions, batch, saved.tokens);
  const nn::Rows rows = nn::Rows::prefixes(positions, batch, saved.tokens);
  ResidualGradient grad{grad_final.flatten(0, 1).to(wide_type(), false, /*copy=*/true), type()};
  if (half.final_norm) grad.wide = half.final_norm->pullback(grad.wide, saved.final_norm, own);
  Tensor grad_encoded = at::zeros(
      {grad_final.size(0) * batch * saved.layers[0].cross.source.k.size(2), grad.wide.size(1)},
      grad.wide.options());
  for (size_t i = half.layers.size(); i-- > 0;) {
    const bool top = i + 1 == half.layers.size();
    if (i == 0 && !target_too) {
      half.layers[i].pullback_to_source(grad, saved.layers[i], top ? own : rows, grad_encoded);
      return grad_encoded;
    }
    if (top) {
      half.layers[i].pullback_of_last(grad, saved.layers[i], own, rows, grad_encoded);
    } else {
      half.layers[i].pullback(grad, saved.layers[i], rows, grad_encoded);
    }
  }
  half.input.pullback(grad, saved.input_norm, rows);
  out.target = rows.padded(grad.wide).unflatten(0, {-1, batch});
  return grad_encoded;
}

/// From the encoder's output to the source's embeddings: [steps, batch, source tokens, hidden].
Tensor EncoderDecoder::pull_encoder(const Tensor& grad_encoded, int64_t steps,
                                    const Kept& kept) const {
  const HalfStack& half = parts_.encoder;
  const HalfSaved& saved = kept.encoder;
  const int64_t batch = grad_encoded.size(0) / (steps * saved.tokens);
  const nn::Rows rows = nn::Rows::whole(steps, batch, saved.tokens);
  ResidualGradient grad{grad_encoded, type()};
  if (half.final_norm) grad.wide = half.final_norm->pullback(grad.wide, saved.final_norm, rows);
  Tensor no_source;
  for (size_t i = half.layers.size(); i-- > 0;) {
    half.layers[i].pullback(grad, saved.layers[i], rows, no_source);
  }
  half.input.pullback(grad, saved.input_norm, rows);
  return grad.wide.view({steps, batch, saved.tokens, -1});
}

AttentionWeights EncoderDecoder::attention(const Pass& pass, const Tensor& rows) const {
  const auto& kept = static_cast<const Kept&>(pass);
  std::vector<Tensor> decoder, cross, encoder;
  for (size_t i = 0; i < parts_.decoder.layers.size(); ++i) {
    const TransformerLayer& layer = parts_.decoder.layers[i];
    decoder.push_back(layer.self().weights(kept.decoder.layers[i].self, rows));
    cross.push_back(layer.cross().weights(kept.decoder.layers[i].cross, rows));
  }
  const Tensor all = at::arange(kept.encoder.tokens, rows.options());
  for (size_t i = 0; i < parts_.encoder.layers.size(); ++i) {
    encoder.push_back(parts_.encoder.layers[i].self().weights(kept.encoder.layers[i].self, all));
  }
  return {at::stack(decoder), at::stack(cross), at::stack(encoder)};
}

void EncoderDecoder::zero_values(const Sides& embeddings, const ValueZeroing& zeroing) const {
  const Tensor encoded = zero_half(parts_.encoder, embeddings.source, nullptr, zeroing);
  const std::vector<Source> sources = sources_of(parts_.decoder, encoded, {});
  zero_half(parts_.decoder, embeddings.target, &sources, zeroing);
}

/// Visits the layers of one half (the decoder when there are sources) and returns its clean final
/// hidden states. embeddings: [1, tokens, hidden] -> same.
Tensor EncoderDecoder::zero_half(const HalfStack& half, const Tensor& embeddings,
                                 const std::vector<Source>* sources,
                                 const ValueZeroing& zeroing) const {
  const int64_t tokens = embeddings.size(1), first = sources ? zeroing.first_row : 0;
  const Tensor positions = at::arange(tokens, embeddings.options().dtype(at::kLong));
  const Tensor rows = positions.narrow(0, first, tokens - first);
  Tensor x = half.input.forward(embeddings, positions, nullptr);
  for (size_t i = 0; i < half.layers.size(); ++i) {
    const TransformerLayer& layer = half.layers[i];
    const TransformerLayer::Context context{.self = {},
                                            .source = sources ? &(*sources)[i] : nullptr};
    const bool last = i + 1 == half.layers.size();
    const auto finished = [&](const Tensor& out) {
      return last && half.final_norm ? half.final_norm->forward(out) : out;
    };
    TransformerLayer::Saved saved;
    TransformerLayer::Written written;
    x = finished(layer.forward(x, context, saved, written));
    const auto index = static_cast<int64_t>(i);
    const auto visit = [&](Mixing where, int64_t count, const auto& share_of) {
      const Tensor heads = zeroing.heads(where, index, count).to(device());
      if (heads.numel() == 0) return;
      visit_tokens(zeroing,
                   {.where = where,
                    .layer = index,
                    .first_row = first,
                    .causal = where == Mixing::kDecoder,
                    .clean = x[0],
                    .output =
                        [&](int64_t row, const Tensor& lost) {
                          return finished(layer.without(where, lost, row, context, written));
                        }},
                   share_of(heads));
    };
    visit(sources ? Mixing::kDecoder : Mixing::kEncoder, layer.self().value_heads(),
          [&](const Tensor& heads) { return layer.self().value_share(saved.self, rows, heads); });
    if (sources == nullptr) continue;
    visit(Mixing::kCross, layer.cross().shape().heads,
          [&](const Tensor& heads) { return layer.cross().value_share(saved.cross, rows, heads); });
  }
  return x;
}

std::unique_ptr<LanguageModel::Cache> EncoderDecoder::start(const Tensor& source_ids,
                                                            const Tensor& source_mask) const {
  auto cache = std::make_unique<Keys>();
  const Tensor padding = seen_tokens(source_mask, 0, device()).padding;
  // Padding stands on the right, so that positions need not know of it.
  const Tensor encoded = run(
      parts_.encoder, parts_.encoder.input.embed(source_ids),
      {.positions = at::arange(source_ids.size(1), at::TensorOptions(at::kLong).device(device())),
       .padding = padding});
  cache->sources = sources_of(parts_.decoder, encoded, padding);
  cache->layers.resize(parts_.decoder.layers.size());
  cache->source_of = at::arange(source_ids.size(0), at::kLong);
  return cache;
}

Tensor EncoderDecoder::next_logits(const Tensor& ids, const Tensor& mask, Cache& given) const {
  auto& cache = static_cast<Keys&>(given);
  const auto [positions, padding] = seen_tokens(mask, ids.size(1), device());
  const Tensor hidden = run(parts_.decoder, parts_.decoder.input.embed(ids),
                            {.positions = positions,
                             .padding = padding,
                             .sources = &cache.sources,
                             .caches = &cache.layers,
                             .last_rows = 1});
  return logits(hidden).squeeze(1);
}

int64_t EncoderDecoder::pullback_bytes(int64_t source_tokens, int64_t tokens) const {
  const ModelSizes& s = parts_.sizes;
  const int64_t element = at::elementSize(type()), wide = at::elementSize(wide_type());
  // Residual gradient and its copies, and the largest of feed-forward and attention temporaries.
  const auto per_token = [&](const HalfStack& half, int64_t attention_units) {
    const int64_t inner = half.layers.front().feed_forward().inner_units();
    return s.hidden * (2 * wide + 2 * element) + std::max(inner, attention_units) * element;
  };
  const auto& cross = parts_.decoder.layers.front().cross().shape();
  const int64_t units = cross.heads * cross.head_dim;
  const int64_t encoder = per_token(parts_.encoder, 4 * units),
                decoder = per_token(parts_.decoder, 4 * units);
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
  const ModelSizes& s = parts_.sizes;
  const int64_t element = at::elementSize(type()), wide = at::elementSize(wide_type());
  const auto& cross = parts_.decoder.layers.front().cross().shape();
  const int64_t units = cross.heads * cross.head_dim;
  // Normalised inputs of each block, slopes of the feed-forward, queries, keys and values.
  const auto per_token = [&](const HalfStack& half, int64_t blocks, int64_t attention_units) {
    const int64_t inner = half.layers.front().feed_forward().inner_units();
    return static_cast<int64_t>(half.layers.size()) *
           (blocks * (s.hidden * element + wide) + attention_units * wide + inner * element);
  };
  return source_tokens * (per_token(parts_.encoder, 2, 3 * units) + 2 * units * wide * s.layers) +
         tokens * per_token(parts_.decoder, 3, 4 * units) +
         3 * (source_tokens + tokens) * s.hidden * element;
}

}  // namespace inseq::models
