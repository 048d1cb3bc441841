#include "models/stack/layer_stack.h"

#include "models/stack/zeroed_layer.h"
#include "nn/rescale.h"

namespace inseq::models {
namespace {

TransformerLayer::Context context_of(size_t layer, const LayerStack::View& view,
                                     const nn::AttentionContext& self) {
  return {.self = self,
          .source = view.sources ? &(*view.sources)[layer] : nullptr,
          .cache = view.caches ? &(*view.caches)[layer] : nullptr};
}

/// The table of texts that end with these positions ([tokens] or [batch, tokens]): each text of a
/// batch has the frequencies of its own length.
nn::RotaryTable rotary_of_whole_texts(const nn::RotaryFrequencies& frequencies,
                                      const Tensor& positions, at::ScalarType type) {
  const Tensor lengths = (positions.amax(-1) + 1).to(at::kCPU).reshape({-1}).contiguous();
  const std::span<const int64_t> each(lengths.const_data_ptr<int64_t>(),
                                      static_cast<size_t>(lengths.numel()));
  const bool shared = std::ranges::all_of(each, [&](int64_t length) {
    return frequencies.regime(length) == frequencies.regime(each.front());
  });
  if (shared) return frequencies.table(positions, each.front(), type);
  std::vector<Tensor> cos, sin;  // [1, tokens, rotary / 2]
  for (size_t text = 0; text < each.size(); ++text) {
    const Tensor own = positions.narrow(0, static_cast<int64_t>(text), 1);
    const nn::RotaryTable table = frequencies.table(own, each[text], type);
    cos.push_back(table.cos);
    sin.push_back(table.sin);
  }
  return {at::cat(cos), at::cat(sin)};
}

/// The first layer that a pass runs in full.
size_t first_layer(const std::optional<Tap>& tap) {
  return tap ? static_cast<size_t>(tap->layer) + 1 : 0;
}

}  // namespace

LayerStack::Source LayerStack::for_batch(const Source& source, int64_t batch) {
  if (!source.k.defined()) return {};
  return {source.k.expand({batch, -1, -1, -1}), source.v.expand({batch, -1, -1, -1}), {}};
}

LayerStack::View LayerStack::View::all(const Tensor& embeddings, int64_t length) {
  return {.positions = at::arange(embeddings.size(1), embeddings.options().dtype(at::kLong)),
          .length = length};
}

nn::AttentionContext LayerStack::attention_context(const View& view) const {
  nn::AttentionContext context{.rotary = {}, .padding = view.padding};
  if (!parts_.rotary) return context;
  context.rotary = view.length > 0
                       ? parts_.rotary->table(view.positions, view.length, wide_type(type()))
                       : rotary_of_whole_texts(*parts_.rotary, view.positions, wide_type(type()));
  return context;
}

TransformerLayer::Keeping LayerStack::keeping(size_t layer, const Run& run) const {
  if (run.keep == Keep::kNothing) return {};
  TransformerLayer::Saved* saved = &run.saved->layers[layer];
  return {.attention = run.keep == Keep::kAttention || run.keeps_everything() ? saved : nullptr,
          .everything = run.keeps_everything() ? saved : nullptr,
          .reference = run.keep == Keep::kReference ? saved : nullptr,
          .rule = {run.reference ? run.reference->layers[layer].feed_forward.inner : Tensor(),
                   run.every_function}};
}

/// Makes room for what a pass over the tokens from `from` on keeps.
void LayerStack::begin(const Run& run, int64_t from, int64_t tokens) const {
  if (run.keep == Keep::kNothing) return;
  run.saved->layers.resize(parts_.layers.size());
  run.saved->from = from;
  run.saved->tokens = tokens;
  run.saved->tap = run.tap ? std::optional(*run.tap) : std::nullopt;
}

Tensor LayerStack::forward(const Tensor& embeddings, const View& view, const Run& run) const {
  const bool everything = run.keeps_everything();
  const std::optional<Tap> tap = run.tap ? std::optional(*run.tap) : std::nullopt;
  begin(run, /*from=*/0, embeddings.size(1));
  const nn::AttentionContext self = attention_context(view);
  const size_t first = first_layer(tap);
  Tensor x = embeddings;
  if (!tap) {
    x = parts_.input.forward(x, view.positions, everything ? &run.saved->input_norm : nullptr);
  } else if (tap->block) {
    x = parts_.layers[first - 1].forward_from(
        *tap->block, run.stream, x, context_of(first - 1, view, self), keeping(first - 1, run));
  }
  for (size_t i = first; i < parts_.layers.size(); ++i)
    x = parts_.layers[i].forward(x, context_of(i, view, self), keeping(i, run));
  if (run.last_rows > 0) x = x.narrow(1, x.size(1) - run.last_rows, run.last_rows);
  const Tensor out = finished(x, everything ? &run.saved->final_norm : nullptr);
  if (run.reference != nullptr && run.every_function) compare(run);
  return out;
}

/// Turns what a pass kept for gradients into what shares out differences to its reference.
void LayerStack::compare(const Run& run) const {
  const auto norm = [](nn::Norm::Saved& saved, const nn::Norm::Saved& reference) {
    if (saved.normed.defined()) saved = nn::between(saved, reference);
  };
  norm(run.saved->input_norm, run.reference->input_norm);
  norm(run.saved->final_norm, run.reference->final_norm);
  for (size_t i = 0; i < parts_.layers.size(); ++i) {
    TransformerLayer::Saved& saved = run.saved->layers[i];
    const TransformerLayer::Saved& reference = run.reference->layers[i];
    for (const Block block : parts_.layers[i].blocks())
      norm(saved.norms[block], reference.norms[block]);
    if (saved.self.q.defined()) saved.self = saved.self.compared_with(reference.self);
    if (saved.cross.q.defined()) saved.cross = saved.cross.compared_with(reference.cross);
  }
}

Tensor LayerStack::forward_on(const Saved& prefix, int64_t from, const Tensor& embeddings,
                              int64_t length, const Run& run) const {
  const int64_t batch = embeddings.size(0), tokens = embeddings.size(1);
  const bool everything = run.keeps_everything();
  begin(run, from, tokens);
  const View view{
      .positions = at::arange(from, from + tokens, embeddings.options().dtype(at::kLong)),
      .length = length};
  const nn::AttentionContext self = attention_context(view);
  Tensor x = parts_.input.forward(embeddings, view.positions,
                                  everything ? &run.saved->input_norm : nullptr);
  for (size_t i = 0; i < parts_.layers.size(); ++i) {
    nn::KeyValueCache keys = prefix.layers[i].self.prefix(from, batch);
    const Source source = for_batch(prefix.layers[i].cross.source, batch);
    x = parts_.layers[i].forward(x, {.self = self, .source = &source, .cache = &keys},
                                 keeping(i, run));
  }
  return finished(x, everything ? &run.saved->final_norm : nullptr);
}

ResidualGradient LayerStack::before_final_norm(const Tensor& grad, const Saved& saved,
                                               const nn::Rows& rows) const {
  if (parts_.final_norm) return {parts_.final_norm->pullback(grad, saved.final_norm, rows), type()};
  return {grad.to(wide_type(type()), /*non_blocking=*/false, /*copy=*/true), type()};
}

Tensor LayerStack::pullback(const Tensor& grad_final, const std::vector<int64_t>& of_text,
                            const Saved& saved, Tensor& grad_source, Reach reach) const {
  const int64_t batch = grad_final.size(1);
  std::vector<int64_t> positions;  // of the pass
  for (const int64_t position : of_text) positions.push_back(position - saved.from);
  const nn::Rows own = nn::Rows::own(positions, batch, saved.tokens);
  const nn::Rows rows = nn::Rows::prefixes(positions, batch, saved.tokens);
  ResidualGradient grad = before_final_norm(grad_final.flatten(0, 1), saved, own);
  const size_t first = first_layer(saved.tap);
  bool all_rows = false;  // else each step's own alone
  for (size_t i = parts_.layers.size(); i-- > first;) {
    const TransformerLayer& layer = parts_.layers[i];
    if (i == 0 && reach == Reach::kSource) {
      layer.pullback_to_source(grad, saved.layers[i], all_rows ? rows : own, grad_source);
      return {};
    }
    if (all_rows) {
      layer.pullback(grad, saved.layers[i], rows, grad_source);
    } else {
      layer.pullback_of_last(grad, saved.layers[i], own, rows, grad_source);
      all_rows = true;
    }
  }
  if (saved.tap && saved.tap->block) {
    parts_.layers[first - 1].pullback_to(*saved.tap->block, grad, saved.layers[first - 1],
                                         all_rows ? rows : own, grad_source);
  }
  if (!all_rows) grad.spread(rows);
  if (!saved.tap) parts_.input.pullback(grad, saved.input_norm, rows);
  return rows.padded(grad.wide).unflatten(0, {-1, batch});
}

Tensor LayerStack::pullback_of_all(const Tensor& grad_final, int64_t steps,
                                   const Saved& saved) const {
  const int64_t batch = grad_final.size(0) / (steps * saved.tokens);
  const nn::Rows rows = nn::Rows::whole(steps, batch, saved.tokens);
  ResidualGradient grad = before_final_norm(grad_final, saved, rows);
  const size_t first = first_layer(saved.tap);
  Tensor no_source;
  for (size_t i = parts_.layers.size(); i-- > first;)
    parts_.layers[i].pullback(grad, saved.layers[i], rows, no_source);
  if (saved.tap && saved.tap->block) {
    parts_.layers[first - 1].pullback_to(*saved.tap->block, grad, saved.layers[first - 1], rows,
                                         no_source);
  }
  if (!saved.tap) parts_.input.pullback(grad, saved.input_norm, rows);
  return grad.wide.view({steps, batch, saved.tokens, -1});
}

Tensor LayerStack::attention(Block block, const Saved& saved, const Tensor& rows) const {
  std::vector<Tensor> weights;
  for (size_t i = 0; i < parts_.layers.size(); ++i) {
    const TransformerLayer& layer = parts_.layers[i];
    weights.push_back(block == Block::kCrossAttention
                          ? layer.cross().weights(saved.layers[i].cross, rows)
                          : layer.self().weights(saved.layers[i].self, rows));
  }
  return at::stack(weights);
}

Tensor LayerStack::zero_values(const Tensor& embeddings, const View& view,
                               const ValueZeroing& zeroing) const {
  const bool decodes = parts_.half == Half::kDecoder;
  const int64_t tokens = embeddings.size(1), first = decodes ? zeroing.first_row : 0;
  const Tensor rows = view.positions.narrow(0, first, tokens - first);
  const nn::AttentionContext self = attention_context(view);
  Tensor x = parts_.input.forward(embeddings, view.positions);
  for (size_t i = 0; i < parts_.layers.size(); ++i) {
    const TransformerLayer& layer = parts_.layers[i];
    const TransformerLayer::Context context = context_of(i, view, self);
    const auto output = [&](const Tensor& out) {
      return i + 1 == parts_.layers.size() ? finished(out) : out;
    };
    TransformerLayer::Saved saved;
    TransformerLayer::Trace trace;
    x = output(layer.forward(x, context, {.attention = &saved, .trace = &trace}));
    const auto visit = [&](Mixing where, Block block, int64_t count, const auto& share_of) {
      const auto index = static_cast<int64_t>(i);
      const Tensor heads = zeroing.heads(where, index, count).to(device());
      if (heads.numel() == 0) return;
      const auto changed = [&](int64_t row, const Tensor& lost) {
        const auto part = [&](const Tensor& of) { return of.narrow(1, row, lost.size(1)); };
        return output(layer.forward_from(block, part(trace.before[block]),
                                         part(trace.written[block]) - lost, context, {}));
      };
      visit_tokens(zeroing,
                   {.where = where,
                    .layer = index,
                    .first_row = first,
                    .causal = where == Mixing::kDecoder,
                    .clean = x[0],
                    .output = changed},
                   share_of(heads));
    };
    visit(decodes ? Mixing::kDecoder : Mixing::kEncoder, Block::kSelfAttention,
          layer.self().value_heads(),
          [&](const Tensor& heads) { return layer.self().value_share(saved.self, rows, heads); });
    if (view.sources == nullptr) continue;
    visit(Mixing::kCross, Block::kCrossAttention, layer.cross().shape().heads,
          [&](const Tensor& heads) { return layer.cross().value_share(saved.cross, rows, heads); });
  }
  return x;
}

std::vector<std::pair<std::string, Tap>> LayerStack::taps() const {
  const LayerNames& names = parts_.names;
  std::vector<std::pair<std::string, Tap>> out;
  for (int64_t i = 0; i < static_cast<int64_t>(parts_.layers.size()); ++i) {
    const std::string layer = names.layers + std::to_string(i);
    const auto add = [&](const std::vector<std::string>& modules, std::optional<Block> block) {
      for (const std::string& module : modules)
        out.push_back({layer + module, {.layer = i, .block = block, .half = parts_.half}});
    };
    add({""}, std::nullopt);
    add(names.attention, Block::kSelfAttention);
    add(names.cross, Block::kCrossAttention);
    add(names.feed_forward, Block::kFeedForward);
  }
  return out;
}

LayerStack::AtTap LayerStack::at_tap(const Tap& tap, const Tensor& embeddings,
                                     const View& view) const {
  const nn::AttentionContext self = attention_context(view);
  TransformerLayer::Trace trace;
  Tensor x = parts_.input.forward(embeddings, view.positions);
  for (size_t i = 0; i < first_layer(tap); ++i) {
    const bool there = i + 1 == first_layer(tap);
    x = parts_.layers[i].forward(x, context_of(i, view, self), {.trace = there ? &trace : nullptr});
  }
  if (!tap.block) return {x, Tensor()};
  return {trace.written[*tap.block], trace.before[*tap.block]};
}

}  // namespace inseq::models
