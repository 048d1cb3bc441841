// Question 2: scores of perturbed inputs, on the prefixes that the perturbations leave as they
// were.
#include <numeric>

#include "engine/engine.h"
#include "engine/group.h"
#include "engine/results.h"

namespace inseq::engine {
namespace {

/// Token rows that the head aims at.
constexpr int64_t kLogitRows = 256;

/// A perturbation with the first target token that it changes.
struct Change {
  int64_t index = 0;  // of the perturbation
  int64_t from = 0;   // tokens before it are as in the text; with another source: 0
  bool source = false;
};

Change change_of(const Perturbation& edits, int64_t index, int64_t tokens) {
  Change change{.index = index, .from = tokens};
  for (const Edit& edit : edits) {
    change.source = change.source || edit.source;
    if (!edit.source) change.from = std::min(change.from, edit.position);
  }
  if (change.source) change.from = 0;
  return change;
}

/// The embeddings of one side with a perturbation's edits: [tokens, hidden].
Tensor edited(const Tensor& embeddings, const Perturbation& edits, bool source) {
  Tensor out = embeddings.clone();
  for (const Edit& edit : edits) {
    if (edit.source == source && edit.position < out.size(0))
      out[edit.position].copy_(edit.embedding);
  }
  return out;
}

/// Perturbations that go through the model together: the same source or not, and first changes so
/// near to each other that little is computed twice. most_rows: of tokens, unless one alone has
/// more.
std::vector<std::vector<Change>> batches(std::vector<Change> changes, int64_t tokens,
                                         int64_t source_tokens, int64_t most_rows) {
  std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return std::tie(a.source, a.from) < std::tie(b.source, b.from);
  });
  std::vector<std::vector<Change>> out;
  for (const Change& change : changes) {
    const bool fits = !out.empty() && out.back().front().source == change.source && [&] {
      const Change& first = out.back().front();
      const int64_t rows = tokens - first.from + (change.source ? source_tokens : 0);
      const int64_t twice = change.from - first.from;
      return rows * static_cast<int64_t>(out.back().size() + 1) <= most_rows &&
             4 * twice <= tokens - change.from;
    }();
    if (!fits) out.emplace_back();
    out.back().push_back(change);
  }
  return out;
}

/// Replaced texts side by side.
struct Replacements {
  Sides ids;             // [texts, tokens] a side
  Tensor last, targets;  // [texts]: each text's last token, and what the step explains
};

Replacements stacked(const Question& question, const std::vector<ReplacedText>& texts,
                     std::vector<size_t>::const_iterator first,
                     std::vector<size_t>::const_iterator end) {
  const auto count = static_cast<int64_t>(end - first);
  // Longer texts may follow: what is right of a text's end changes nothing before it.
  const int64_t longest = texts[*(end - 1)].position;
  Replacements out{{Tensor(), at::zeros({count, longest}, at::kLong)},
                   at::empty({count}, at::kLong),
                   at::empty({count}, at::kLong)};
  std::vector<Tensor> sources;
  for (int64_t i = 0; i < count; ++i) {
    const ReplacedText& text = texts[*(first + i)];
    out.ids.target[i].narrow(0, 0, text.position).copy_(text.ids.target);
    if (text.ids.source.defined()) sources.push_back(text.ids.source);
    out.last[i] = text.position - 1;
    out.targets[i] = question.ids.target[text.position];
  }
  if (!sources.empty()) out.ids.source = at::stack(sources);
  return out;
}

}  // namespace

/// How much goes through the model at once.
struct Engine::ForwardPlan {
  int64_t rows = kRowsPerPass;      // of tokens
  int64_t logit_rows = kLogitRows;  // of tokens that are scored
};

/// kept: bytes that stay throughout.
Engine::ForwardPlan Engine::forward_plan(const Question& question, int64_t tokens,
                                         int64_t kept) const {
  const int64_t limit = memory_limit(), source = source_tokens(question);
  // A forward pass needs no more than a pullback, whose temporaries are those of a layer, too.
  const int64_t one_text = model_.pullback_bytes(source, tokens);
  const int64_t one_logit_row = logit_bytes(model_);
  check_memory("one changed copy", question, kept + one_text + one_logit_row);
  ForwardPlan plan;
  if (limit == 0) return plan;
  const int64_t half = (limit - kept) / 2;
  plan.rows = std::min(plan.rows, half / (one_text / (source + tokens) + 1));
  plan.logit_rows = std::clamp<int64_t>(half / one_logit_row, 1, plan.logit_rows);
  return plan;
}

/// The attributed function of steps: [batch, count] on the CPU. hidden: [batch, rows, hidden], of
/// which the last `count` predict the steps before position `last`.
Tensor Engine::scored(const Question& question, const Tensor& hidden, int64_t last, int64_t count,
                      int64_t rows_at_once) const {
  const int64_t batch = hidden.size(0);
  const Tensor targets =
      question.ids.target.narrow(0, last - count, count).repeat({batch}).to(model_.device());
  const Tensor rows = hidden.narrow(1, hidden.size(1) - count, count).flatten(0, 1);
  std::vector<Tensor> parts;
  for (const auto& [a, b] : even_blocks(0, rows.size(0), rows_at_once)) {
    parts.push_back(question.attributed_function(logits_of(rows.narrow(0, a, b - a)),
                                                 targets.narrow(0, a, b - a)));
  }
  return at::cat(parts).view({batch, count}).cpu();
}

Tensor Engine::perturbed(const Question& question,
                         const std::vector<Perturbation>& perturbations) const {
  check(question);
  const at::NoGradGuard no_grad;
  const Sides all = inputs(question).embeddings;
  std::vector<Tensor> of_groups;  // [perturbations, steps of the group]
  for (const Group& group : groups(question)) {
    of_groups.push_back(
        perturbed_group(question, group, visible(all, group.tokens()), perturbations));
  }
  return at::cat(of_groups, 1);
}

/// embeddings: of the tokens that the group sees.
Tensor Engine::perturbed_group(const Question& question, const Group& group,
                               const Sides& embeddings,
                               const std::vector<Perturbation>& perturbations) const {
  const int64_t tokens = group.tokens(), steps = group.last - group.first;
  const ForwardPlan plan =
      forward_plan(question, tokens, model_.saved_bytes(source_tokens(question), tokens));
  const auto pass = model_.forward(as_batch(embeddings),
                                   {.keep = models::Keep::kAttention, .length = group.length});
  const Tensor plain = scored(question, pass->final_hidden, group.last, steps, plan.logit_rows);
  Tensor result = plain.repeat({static_cast<int64_t>(perturbations.size()), 1});
  std::vector<Change> changes;
  for (size_t i = 0; i < perturbations.size(); ++i) {
    const Change change = change_of(perturbations[i], static_cast<int64_t>(i), tokens);
    if (change.from < tokens) changes.push_back(change);  // else later than every step
  }
  int64_t done = 0;
  for (const auto& batch : batches(changes, tokens, source_tokens(question), plan.rows)) {
    const int64_t from = batch.front().from;
    std::vector<Tensor> source, target;
    for (const Change& change : batch) {
      const Perturbation& edits = perturbations[static_cast<size_t>(change.index)];
      if (change.source) source.push_back(edited(embeddings.source, edits, true));
      target.push_back(edited(embeddings.target, edits, false).narrow(0, from, tokens - from));
    }
    const auto changed =
        source.empty()
            ? model_.forward_on(*pass, from, at::stack(target), {.length = group.length})
            : model_.forward({at::stack(source), at::stack(target)}, {.length = group.length});
    const int64_t count = std::min(steps, tokens - from);  // steps behind the first change
    const Tensor scores =
        scored(question, changed->final_hidden, group.last, count, plan.logit_rows);
    for (size_t i = 0; i < batch.size(); ++i) {
      // Steps that do not see the change keep their score to the last bit.
      const int64_t seeing = std::min(count, tokens - batch[i].from);
      result[batch[i].index]
          .narrow(0, steps - seeing, seeing)
          .copy_(scores[static_cast<int64_t>(i)].narrow(0, count - seeing, seeing));
    }
    done += static_cast<int64_t>(batch.size());
    report_done(group.first - question.first + steps * done / static_cast<int64_t>(changes.size()),
                question);
  }
  return result;
}

Tensor Engine::replaced(const Question& question, const std::vector<ReplacedText>& texts,
                        const step_functions::BoundFunction& score) const {
  check(question);
  const at::NoGradGuard no_grad;
  std::vector<size_t> order(texts.size());  // neighbours are of similar length
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return texts[a].position < texts[b].position; });
  const int64_t source = source_tokens(question);
  const ForwardPlan plan = forward_plan(question, texts[order.back()].position, 0);
  std::vector<Tensor> parts;
  for (size_t first = 0, end; first < order.size(); first = end) {
    const auto position = [&](size_t i) { return texts[order[i]].position; };
    const auto fits = [&](size_t i) {
      return model_.regime(position(i)) == model_.regime(position(first)) &&
             (position(i) + source) * static_cast<int64_t>(i - first + 1) <= plan.rows;
    };
    for (end = first + 1; end < order.size() && fits(end);) ++end;
    const auto count = static_cast<int64_t>(end - first);
    const Replacements batch = stacked(question, texts, order.begin() + first, order.begin() + end);
    const auto pass = model_.forward(model_.embed(batch.ids), {.length = batch.ids.target.size(1)});
    const Tensor hidden = pass->final_hidden.index(
        {at::arange(count, at::kLong).to(model_.device()), batch.last.to(model_.device())});
    for (const auto& [a, b] : even_blocks(0, count, plan.logit_rows)) {
      parts.push_back(score(logits_of(hidden.narrow(0, a, b - a)),
                            batch.targets.narrow(0, a, b - a).to(model_.device()))
                          .cpu());
    }
  }
  const Tensor sorted = at::cat(parts);
  const Tensor index = at::tensor(std::vector<int64_t>(order.begin(), order.end()), at::kLong);
  return at::empty_like(sorted).index_copy_(0, index, sorted);
}

}  // namespace inseq::engine
