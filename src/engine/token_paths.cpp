// Question 1 for paths that move one token at a time: the tokens before it are as in the text, so
// that passes and pullbacks begin at it.
#include <algorithm>

#include "engine/engine.h"
#include "engine/group.h"
#include "engine/results.h"

namespace inseq::engine {

/// One token at one point of its path.
struct Engine::Entry {
  int64_t position = 0;
  TokenPoint point;
};

/// Tokens of one side that go through the model together.
struct Engine::TokenBatch {
  bool source = false;
  int64_t first = 0, last = 0;  // positions
  int64_t entries_at_once = 1;  // tokens and points, in one pass
  int64_t steps_at_once = 1;    // in one pullback
};

/// The batch that begins at token `first`. Passes over a target begin there, too: little may be
/// computed twice.
Engine::TokenBatch Engine::token_batch(const Question& question, const Group& group,
                                       const TokenPath& path, bool source, int64_t first) const {
  const int64_t tokens = group.tokens(), sources = source_tokens(question);
  const int64_t end = source ? sources : tokens;
  const int64_t rows = source ? sources + tokens : tokens - first;  // of one entry
  TokenBatch batch{.source = source, .first = first, .last = first + 1};
  const auto joins = [&](int64_t token) {
    return (token + 1 - first) * path.points * rows <= kRowsPerPass &&
           (source || 4 * (token - first) <= tokens - token);
  };
  while (batch.last < end && joins(batch.last)) ++batch.last;

  const int64_t limit = memory_limit(), saved = model_.saved_bytes(sources, tokens);
  const int64_t one_step = model_.pullback_bytes(sources, tokens) + logit_bytes(model_);
  // The text's own pass, and one entry's.
  check_memory("explaining one step", question, 2 * saved + one_step);
  int64_t entries = std::max<int64_t>(1, kRowsPerPass / rows);
  if (path.points_at_once > 0) entries = std::min(entries, path.points_at_once);
  if (limit > 0) entries = std::clamp<int64_t>((limit - saved) / 2 / saved, 1, entries);
  batch.entries_at_once = std::min(entries, (batch.last - first) * path.points);
  batch.steps_at_once = std::max<int64_t>(1, kRowsPerBlock / (rows * batch.entries_at_once));
  if (limit > 0) {
    const int64_t left = limit - saved * (1 + batch.entries_at_once);
    batch.steps_at_once =
        std::clamp<int64_t>(left / (batch.entries_at_once * one_step), 1, batch.steps_at_once);
  }
  return batch;
}

Answer Engine::gradients_by_token(const Question& question, const TokenPath& path) const {
  check(question);
  const at::NoGradGuard no_grad;
  Answer answer = question.step_scores.empty() ? Answer{} : scores(question);
  answer.totals = at::zeros({question.steps()}, at::kDouble);
  const Inputs all = inputs(question);
  for (const Group& group : groups(question)) {
    const Inputs base = visible(all, group.tokens());
    const auto prefix = model_.forward(as_batch(base.embeddings),
                                       {.keep = models::Keep::kAttention, .length = group.length});
    const int64_t sources = source_tokens(question);
    const int64_t targets = question.attributes_target() ? group.tokens() : 0;
    for (const bool source : {true, false}) {
      const int64_t end = source ? sources : targets;
      for (int64_t token = 0; token < end;) {
        const TokenBatch batch = token_batch(question, group, path, source, token);
        explain_tokens(question, group, base, path, *prefix, batch, answer);
        token = batch.last;
        const int64_t done = token + (source ? 0 : sources);
        report_done(
            group.first - question.first + (group.last - group.first) * done / (sources + targets),
            question);
      }
    }
  }
  return answer;
}

void Engine::explain_tokens(const Question& question, const Group& group, const Inputs& base,
                            const TokenPath& path, const Pass& prefix, const TokenBatch& batch,
                            Answer& answer) const {
  const int64_t first = std::max(group.first, batch.source ? 0 : batch.first + 1);
  if (first >= group.last) return;  // no step sees these tokens
  const int64_t count = (batch.last - batch.first) * path.points;
  const Tensor sums =
      at::zeros({batch.last - batch.first, group.last - first, model_.sizes().hidden},
                at::TensorOptions(model_.device()).dtype(models::wide_type(model_.type())));
  for (int64_t i = 0; i < count; i += batch.entries_at_once) {
    std::vector<Entry> entries;
    for (int64_t j = i; j < std::min(count, i + batch.entries_at_once); ++j) {
      const TokenAt token{batch.source, batch.first + j / path.points};
      entries.push_back({token.position, path.point(base, token, j % path.points)});
    }
    add_entries(question, group, base, prefix, batch, entries, first, sums);
  }
  const Tensor totals = answer.totals.narrow(0, first - question.first, group.last - first);
  totals.add_(sums.sum({0, 2}, /*keepdim=*/false, at::kDouble).cpu());
  for (int64_t i = 0; i < batch.last - batch.first; ++i) {
    const int64_t position = batch.first + i,
                  skipped = batch.source ? 0 : std::max(first, position + 1) - first;
    const Tensor row = sums[i].narrow(0, skipped, group.last - first - skipped);
    const Tensor shaped = kept_units(question, row);
    if (batch.source) {
      place_token(question, first, shaped, position, source_tokens(question), answer.source);
    } else {
      place_token(question, first + skipped, shaped, position, question.last, answer.target);
    }
  }
}

/// Adds what entries are given: their rows of factor * gradient. sums: [tokens of the batch, steps
/// from `first` on, hidden].
void Engine::add_entries(const Question& question, const Group& group, const Inputs& base,
                         const Pass& prefix, const TokenBatch& batch,
                         const std::vector<Entry>& entries, int64_t first,
                         const Tensor& sums) const {
  const bool autograd = settings_.backend == Backend::kAutograd;
  const auto size = static_cast<int64_t>(entries.size());
  const auto copies = [&](const Tensor& x) {
    return x.defined() ? x.unsqueeze(0).expand({size, -1, -1}) : x;
  };
  Sides at{copies(base.embeddings.source), copies(base.embeddings.target)};
  Tensor& side = batch.source ? at.source : at.target;
  side = side.clone();
  for (int64_t e = 0; e < size; ++e) {
    const Entry& entry = entries[static_cast<size_t>(e)];
    side[e][entry.position].copy_(entry.point.embedding);
  }
  std::unique_ptr<Pass> pass;
  if (!autograd) {
    const models::LanguageModel::PassOptions options{.keep = models::Keep::kPullback,
                                                     .length = group.length};
    pass = batch.source
               ? model_.forward(at, options)
               : model_.forward_on(
                     prefix, batch.first,
                     at.target.narrow(1, batch.first, at.target.size(1) - batch.first), options);
  }
  const int64_t from = autograd || batch.source ? 0 : batch.first;  // the first with gradients
  for (const auto& [a, b] : even_blocks(first, group.last, autograd ? 1 : batch.steps_at_once)) {
    const Sides block = autograd ? autograd_of_block(question, group, base, a, at, nullptr)
                                 : pullback_of_block(question, a, b, *pass, !batch.source, nullptr);
    const Tensor& gradients =
        batch.source ? block.source : block.target;  // [steps, entries, tokens, hidden]
    for (int64_t e = 0; e < size; ++e) {
      const Entry& entry = entries[static_cast<size_t>(e)];
      const int64_t row = entry.position - from;
      if (row >= gradients.size(2)) continue;  // later than these steps
      const Tensor part = gradients.select(1, e).select(1, row);
      sums[entry.position - batch.first]
          .narrow(0, a - first, b - a)
          .addcmul_(part, entry.point.factor.to(part.scalar_type()));
    }
  }
}

}  // namespace inseq::engine
