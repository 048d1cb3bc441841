// Question 2: scores of perturbed inputs, on the prefixes that the perturbations leave as they
// were.
#include <numeric>
#include <span>

#include "engine/engine.h"
#include "engine/group.h"
#include "engine/results.h"
#include "engine/row_scores.h"

namespace inseq::engine {
namespace {

/// Bytes of logits that the head aims at: with what scores are made of, they stay near the cache
/// and below the size from which malloc gets fresh pages for every tensor.
constexpr int64_t kLogitBytes = 1 << 24;
/// Reading the weights for a pass takes about as long as computing this many rows: 4 bytes a weight
/// from memory for 2 operations a row.
constexpr int64_t kRowsThatAPassCosts = 20;

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
/// near to each other that what is computed twice costs less than another pass. most_rows: of
/// tokens, unless one alone has more.
std::vector<std::vector<Change>> batches(std::vector<Change> changes, int64_t tokens,
                                         int64_t source_tokens, int64_t most_rows) {
  std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return std::tie(a.source, a.from) < std::tie(b.source, b.from);
  });
  std::vector<std::vector<Change>> out;
  int64_t twice = 0;  // rows of the last batch
  for (const Change& change : changes) {
    const bool fits = !out.empty() && out.back().front().source == change.source && [&] {
      const Change& first = out.back().front();
      const int64_t rows = tokens - first.from + (change.source ? source_tokens : 0);
      return rows * static_cast<int64_t>(out.back().size() + 1) <= most_rows &&
             twice + change.from - first.from <= kRowsThatAPassCosts;
    }();
    if (!fits) {
      out.emplace_back();
      twice = 0;
    }
    out.back().push_back(change);
    twice += change.from - out.back().front().from;
  }
  return out;
}

/// Replaced texts side by side.
struct Replacements {
  Sides ids;             // [texts, tokens] a side
  Tensor last, targets;  // [texts]: each text's last token, and what the step explains
};

/// Those of the texts with these indices, the last of which is the longest.
Replacements stacked(const Question& question, const std::vector<ReplacedText>& texts,
                     std::span<const size_t> chosen) {
  const auto count = static_cast<int64_t>(chosen.size());
  // What is right of a text's end changes nothing before it.
  const int64_t longest = texts[chosen.back()].position;
  Replacements out{{Tensor(), at::zeros({count, longest}, at::kLong)},
                   at::empty({count}, at::kLong),
                   at::empty({count}, at::kLong)};
  std::vector<Tensor> sources;
  for (int64_t i = 0; i < count; ++i) {
    const ReplacedText& text = texts[chosen[static_cast<size_t>(i)]];
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
  int64_t rows;        // of tokens
  int64_t logit_rows;  // of tokens that are scored
};

/// kept: bytes that stay throughout.
Engine::ForwardPlan Engine::forward_plan(const Question& question, int64_t tokens,
                                         int64_t kept) const {
  const int64_t limit = memory_limit(), source = source_tokens(question);
  // A forward pass needs no more than a pullback, whose temporaries are those of a layer, too.
  const int64_t one_text = model_.pullback_bytes(source, tokens);
  const int64_t one_logit_row = logit_bytes(model_);
  check_memory("one changed copy", question, kept + one_text + one_logit_row);
  const int64_t fitting = kLogitBytes / (4 * model_.sizes().vocab);
  // Matrix products come in blocks of 16 rows.
  const int64_t even = fitting < 16 ? fitting : fitting / 16 * 16;
  ForwardPlan plan{.rows = kRowsPerPass, .logit_rows = std::clamp<int64_t>(even, 1, kRowsPerPass)};
  if (limit == 0) return plan;
  const int64_t half = (limit - kept) / 2;
  plan.rows = std::min(plan.rows, half / (one_text / (source + tokens) + 1));
  plan.logit_rows = std::clamp<int64_t>(half / one_logit_row, 1, plan.logit_rows);
  return plan;
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
  RowScores scores(
      [&](const Tensor& hidden, const Tensor& targets) {
        return question.attributed_function(logits_of(hidden), targets);
      },
      plan.logit_rows);
  // The last `count` of a text's hidden states predict the steps before the group's end.
  const auto score = [&](const Tensor& hidden, int64_t count, int64_t perturbation) {
    const int64_t end = (perturbation + 1) * steps;
    scores.add(hidden.narrow(0, hidden.size(0) - count, count),
               question.ids.target.narrow(0, group.last - count, count),
               at::arange(end - count, end));
  };
  const auto count = static_cast<int64_t>(perturbations.size());
  score(pass->final_hidden[0], steps, count);  // the text as it is
  std::vector<Change> of_all, changes;         // those that a step sees
  for (const Perturbation& edits : perturbations) {
    of_all.push_back(change_of(edits, static_cast<int64_t>(of_all.size()), tokens));
    if (of_all.back().from < tokens) changes.push_back(of_all.back());
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
    for (size_t i = 0; i < batch.size(); ++i) {
      score(changed->final_hidden[static_cast<int64_t>(i)], std::min(steps, tokens - batch[i].from),
            batch[i].index);
    }
    done += static_cast<int64_t>(batch.size());
    report_done(group.first - question.first + steps * done / static_cast<int64_t>(changes.size()),
                question);
  }
  const Tensor all = scores.placed_in(at::empty({count + 1, steps}));
  Tensor result = all.narrow(0, 0, count);
  for (const Change& change : of_all) {
    // Steps that do not see the change keep their score to the last bit.
    const int64_t before = steps - std::min(steps, tokens - change.from);
    result[change.index].narrow(0, 0, before).copy_(all[count].narrow(0, 0, before));
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
  RowScores scores([&](const Tensor& hidden,
                       const Tensor& targets) { return score(logits_of(hidden), targets); },
                   plan.logit_rows);
  for (size_t first = 0, end; first < order.size(); first = end) {
    const auto position = [&](size_t i) { return texts[order[i]].position; };
    const auto fits = [&](size_t i) {
      return model_.regime(position(i)) == model_.regime(position(first)) &&
             (position(i) + source) * static_cast<int64_t>(i - first + 1) <= plan.rows;
    };
    for (end = first + 1; end < order.size() && fits(end);) ++end;
    const std::span<const size_t> chosen = std::span(order).subspan(first, end - first);
    const auto count = static_cast<int64_t>(chosen.size());
    const Replacements batch = stacked(question, texts, chosen);
    const auto pass = model_.forward(model_.embed(batch.ids), {.length = batch.ids.target.size(1)});
    const Tensor hidden = pass->final_hidden.index(
        {at::arange(count, at::kLong).to(model_.device()), batch.last.to(model_.device())});
    scores.add(hidden, batch.targets,
               at::tensor(std::vector<int64_t>(chosen.begin(), chosen.end())));
  }
  return scores.placed_in(at::empty({static_cast<int64_t>(texts.size())}));
}

}  // namespace inseq::engine
