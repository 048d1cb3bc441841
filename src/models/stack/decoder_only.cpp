#include "models/stack/decoder_only.h"

#include "models/stack/zeroed_layer.h"

namespace inseq::models {
namespace {

/// 0, 1, …: [tokens] int64, of [batch, tokens, hidden].
Tensor positions_of(const Tensor& embeddings) {
  return at::arange(embeddings.size(1), embeddings.options().dtype(at::kLong));
}

}  // namespace

DecoderOnly::DecoderOnly(DecoderOnlyParts parts) : parts_(std::move(parts)) {
  const DecoderOnlySizes& s = parts_.sizes;
  sizes_ = {.vocab = s.vocab,
            .hidden = s.hidden,
            .layers = s.layers,
            .heads = s.heads,
            .max_positions = s.max_positions};
}

void DecoderOnly::Keys::reorder(const Tensor& rows) {
  for (nn::KeyValueCache& layer : layers) layer.reorder(rows);
}

Sides DecoderOnly::embed(const Sides& ids) const {
  return {Tensor(), at::embedding(parts_.token_embeddings, ids.target.to(device()))};
}

Tensor DecoderOnly::add_positions(const Tensor& embeddings, const Tensor& positions) const {
  if (!parts_.position_embeddings.defined()) return embeddings;
  return embeddings + at::embedding(parts_.position_embeddings, positions);
}

nn::AttentionContext DecoderOnly::context_of(const Tensor& positions, int64_t length) const {
  nn::AttentionContext context;
  if (!parts_.rotary) return context;
  const int64_t all = length > 0 ? length : positions.max().item<int64_t>() + 1;
  context.rotary = parts_.rotary->table(positions, all, wide_type());
  return context;
}

std::vector<std::pair<std::string, Tap>> DecoderOnly::taps() const {
  std::vector<std::pair<std::string, Tap>> out;
  for (int64_t i = 0; i < sizes_.layers; ++i) {
    const std::string name = parts_.names.layers + std::to_string(i);
    out.push_back({name, {i, Tap::Part::kLayer}});
    for (const std::string& block : parts_.names.attention)
      out.push_back({name + block, {i, Tap::Part::kAttention}});
    for (const std::string& block : parts_.names.feed_forward)
      out.push_back({name + block, {i, Tap::Part::kFeedForward}});
  }
  return out;
}

std::pair<Tensor, Tensor> DecoderOnly::around(const Tap& tap, const Tensor& embeddings,
                                              const nn::AttentionContext& context) const {
  Tensor x = add_positions(embeddings,
                           at::arange(embeddings.size(1), embeddings.options().dtype(at::kLong)));
  for (int64_t i = 0; i < tap.layer; ++i)
    x = parts_.layers[static_cast<size_t>(i)].forward(x, context, nullptr, nullptr);
  const DecoderLayer& layer = parts_.layers[static_cast<size_t>(tap.layer)];
  nn::SelfAttention::Saved unused;
  const Tensor between = layer.after_attention(x, context, unused);
  if (tap.part == Tap::Part::kAttention) return {x, between};
  return {between, layer.after_feed_forward(between)};
}

Tensor DecoderOnly::value_at(const Tap& tap, const Sides& embeddings, int64_t length) const {
  const Tensor& x = embeddings.target;
  const auto [before, after] = around(tap, x, context_of(positions_of(x), length));
  return tap.part == Tap::Part::kLayer ? after : after - before;
}

Tensor DecoderOnly::behind(const PassOptions& options, const Tensor& tapped, Kept& pass,
                           const nn::AttentionContext& context) const {
  const Tap& tap = *options.tap;
  pass.tap = tap;
  if (tap.part == Tap::Part::kLayer) return tapped;
  const Tensor x = around(tap, options.base->target, context).first + tapped;
  if (tap.part == Tap::Part::kFeedForward) return x;
  const DecoderLayer& layer = parts_.layers[static_cast<size_t>(tap.layer)];
  const auto index = static_cast<size_t>(tap.layer);
  if (options.keep == Keep::kReference) {
    pass.layers[index].feed_forward.inner = layer.inner_of(x);
    return layer.after_feed_forward(x);
  }
  if (options.keep != Keep::kPullback) return layer.after_feed_forward(x);
  const auto* reference = static_cast<const Kept*>(options.reference);
  return layer.after_feed_forward(
      x, &pass.layers[index].feed_forward_norm, &pass.layers[index].feed_forward,
      {reference == nullptr ? Tensor() : reference->layers[index].feed_forward.inner,
       options.every_function});
}

std::unique_ptr<LanguageModel::Pass> DecoderOnly::forward(const Sides& embeddings,
                                                          const PassOptions& options) const {
  const int64_t tokens = embeddings.target.size(1);
  const Tensor positions = positions_of(embeddings.target);
  const nn::AttentionContext context = context_of(positions, options.length);
  auto pass = std::make_unique<Kept>();
  const auto* reference = static_cast<const Kept*>(options.reference);
  const bool keeps = options.keep == Keep::kPullback;
  if (options.keep != Keep::kNothing) pass->layers.resize(parts_.layers.size());
  pass->tokens = tokens;
  Tensor x = options.tap != nullptr ? behind(options, embeddings.target, *pass, context)
                                    : add_positions(embeddings.target, positions);
  const size_t first = options.tap != nullptr ? static_cast<size_t>(options.tap->layer) + 1 : 0;
  for (size_t i = first; i < parts_.layers.size(); ++i) {
    const DecoderLayer& layer = parts_.layers[i];
    if (options.keep == Keep::kReference) {
      x = layer.forward_as_reference(x, context, pass->layers[i]);
      continue;
    }
    DecoderLayer::Saved* saved = keeps ? &pass->layers[i] : nullptr;
    x = layer.forward(x, context, saved,
                      options.keep == Keep::kNothing ? nullptr : &pass->layers[i].attention,
                      nullptr,
                      {reference == nullptr ? Tensor() : reference->layers[i].feed_forward.inner,
                       options.every_function});
  }
  pass->final_hidden = parts_.final_norm->forward(x, keeps ? &pass->final_norm : nullptr);
  return pass;
}

std::unique_ptr<LanguageModel::Pass> DecoderOnly::forward_on(const Pass& prefix, int64_t from,
                                                             const Tensor& target,
                                                             const PassOptions& options) const {
  const auto& before = static_cast<const Kept&>(prefix);
  const int64_t tokens = from + target.size(1), batch = target.size(0);
  const Tensor positions = at::arange(from, tokens, target.options().dtype(at::kLong));
  const nn::AttentionContext context = context_of(positions, options.length);
  const bool keeps = options.keep == Keep::kPullback;
  auto pass = std::make_unique<Kept>();
  pass->from = from;
  pass->tokens = target.size(1);
  if (keeps) pass->layers.resize(parts_.layers.size());
  Tensor x = add_positions(target, positions);
  for (size_t i = 0; i < parts_.layers.size(); ++i) {
    nn::KeyValueCache keys = before.layers[i].attention.prefix(from, batch);
    DecoderLayer::Saved* saved = keeps ? &pass->layers[i] : nullptr;
    x = parts_.layers[i].forward(x, context, saved, saved ? &saved->attention : nullptr, &keys);
  }
  pass->final_hidden = parts_.final_norm->forward(x, keeps ? &pass->final_norm : nullptr);
  return pass;
}

std::unique_ptr<LanguageModel::Cache> DecoderOnly::start(const Tensor&, const Tensor&) const {
  auto cache = std::make_unique<Keys>();
  cache->layers.resize(parts_.layers.size());
  return cache;
}

Tensor DecoderOnly::next_logits(const Tensor& ids, const Tensor& mask, Cache& given) const {
  auto& cache = static_cast<Keys&>(given);
  const auto [positions, padding] = seen_tokens(mask, ids.size(1), device());
  nn::AttentionContext context = context_of(positions, 0);
  context.padding = padding;
  Tensor x = add_positions(embed({{}, ids}).target, positions);
  for (size_t i = 0; i < parts_.layers.size(); ++i) {
    x = parts_.layers[i].forward(x, context, nullptr, nullptr, &cache.layers[i]);
  }
  return logits(parts_.final_norm->forward(x.narrow(1, ids.size(1) - 1, 1))).squeeze(1);
}

Tensor DecoderOnly::logits(const Tensor& final_hidden) const {
  return parts_.head.forward(final_hidden).to(wide_type());
}

Tensor DecoderOnly::logits_pullback(const Tensor& grad_logits) const {
  return parts_.head.pullback(grad_logits.to(type()));
}

Sides DecoderOnly::pullback(const Tensor& grad_final, const std::vector<int64_t>& of_text,
                            const Pass& pass, bool) const {
  const auto& kept = static_cast<const Kept&>(pass);
  std::vector<int64_t> positions;  // of the pass
  for (const int64_t position : of_text) positions.push_back(position - pass.from);
  const int64_t batch = grad_final.size(1);
  const nn::Rows own = nn::Rows::own(positions, batch, kept.tokens);
  const nn::Rows rows = nn::Rows::prefixes(positions, batch, kept.tokens);
  ResidualGradient grad{parts_.final_norm->pullback(grad_final.flatten(0, 1), kept.final_norm, own),
                        type()};
  const size_t first = kept.tap ? static_cast<size_t>(kept.tap->layer) + 1 : 0;
  bool all_rows = false;  // else each step's own alone
  for (size_t i = parts_.layers.size(); i-- > first;) {
    if (all_rows) {
      parts_.layers[i].pullback(grad, kept.layers[i], rows);
    } else {
      parts_.layers[i].pullback_of_last(grad, kept.layers[i], own, rows);
      all_rows = true;
    }
  }
  if (kept.tap && kept.tap->part == Tap::Part::kAttention)
    parts_.layers[first - 1].pullback_feed_forward(grad, kept.layers[first - 1],
                                                   all_rows ? rows : own);
  if (!all_rows) grad.spread(rows);
  return {Tensor(), rows.padded(grad.wide).unflatten(0, {-1, batch})};
}

AttentionWeights DecoderOnly::attention(const Pass& pass, const Tensor& rows) const {
  const auto& kept = static_cast<const Kept&>(pass);
  std::vector<Tensor> layers;
  for (size_t i = 0; i < parts_.layers.size(); ++i) {
    layers.push_back(parts_.layers[i].attention().weights(kept.layers[i].attention, rows));
  }
  return {.decoder = at::stack(layers), .cross = {}, .encoder = {}};
}

void DecoderOnly::zero_values(const Sides& embeddings, const ValueZeroing& zeroing) const {
  const int64_t tokens = embeddings.target.size(1), first = zeroing.first_row;
  const Tensor positions = positions_of(embeddings.target);
  const nn::AttentionContext context = context_of(positions, tokens);
  Tensor x = add_positions(embeddings.target, positions);
  for (size_t i = 0; i < parts_.layers.size(); ++i) {
    const DecoderLayer& layer = parts_.layers[i];
    const auto output = [&](const Tensor& between) {
      const Tensor out = layer.after_feed_forward(between);
      return i + 1 == parts_.layers.size() ? parts_.final_norm->forward(out) : out;
    };
    nn::SelfAttention::Saved saved;
    const Tensor between = layer.after_attention(x, context, saved);
    const auto index = static_cast<int64_t>(i);
    const Tensor heads =
        zeroing.heads(Mixing::kDecoder, index, layer.attention().value_heads()).to(device());
    const Tensor clean = output(between)[0];
    if (heads.numel() > 0) {
      visit_tokens(
          zeroing,
          {.where = Mixing::kDecoder,
           .layer = index,
           .first_row = first,
           .causal = true,
           .clean = clean,
           .output =
               [&](int64_t row, const Tensor& lost) {
                 return output(between.narrow(1, row, lost.size(1)) - lost);
               }},
          layer.attention().value_share(saved, positions.narrow(0, first, tokens - first), heads));
    }
    if (i + 1 < parts_.layers.size()) x = clean.unsqueeze(0);
  }
}

int64_t DecoderOnly::pullback_bytes(int64_t, int64_t tokens) const {
  const auto& s = parts_.sizes;
  const int64_t inner = parts_.layers.front().feed_forward().inner_units();
  const int64_t element = at::elementSize(type()), wide = at::elementSize(wide_type());
  const int64_t qkv = (s.heads + 2 * s.kv_heads) * s.head_dim;
  // Residual gradient and its copy in the model's type, the largest of feed-forward and attention
  // temporaries, and (on devices without the tiled kernel) three sets of attention weights.
  int64_t per_token =
      s.hidden * (wide + 2 * element) + std::max(inner, s.heads * s.head_dim + qkv) * element;
  if (device().is_cuda()) per_token += 3 * s.heads * tokens * wide;
  return tokens * per_token;
}

int64_t DecoderOnly::saved_bytes(int64_t, int64_t tokens) const {
  const auto& s = parts_.sizes;
  const int64_t inner = parts_.layers.front().feed_forward().inner_units();
  const int64_t element = at::elementSize(type()), wide = at::elementSize(wide_type());
  const int64_t qkv = (s.heads + 2 * s.kv_heads) * s.head_dim;
  return tokens * s.layers * (2 * s.hidden * element + 2 * wide + qkv * wide + inner * element) +
         3 * tokens * s.hidden * element;
}

}  // namespace inseq::models
