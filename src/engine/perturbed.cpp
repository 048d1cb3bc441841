// Question 2: scores of perturbed inputs, on the prefixes that the perturbations leave as they
// were.
#include <numeric>

#include "engine/engine.h"
#include "engine/group.h"
#include "engine/results.h"

namespace inseq::engine {
namespace {

/// Token rows that one forward pass aims at.
constexpr int64_t kRowsPerPass = 512;

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
/// near to each other that little is computed twice.
std::vector<std::vector<Change>> batches(std::vector<Change> changes, int64_t tokens,
                                         int64_t source_tokens) {
  std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return std::tie(a.source, a.from) < std::tie(b.source, b.from);
  });
  std::vector<std::vector<Change>> out;
  for (const Change& change : changes) {
    const bool fits = !out.empty() && out.back().front().source == change.source && [&] {
      const Change& first = out.back().front();
      const int64_t rows = tokens - first.from + (change.source ? source_tokens : 0);
      const int64_t twice = change.from - first.from;
      return rows * static_cast<int64_t>(out.back().size() + 1) <= kRowsPerPass &&
             4 * twice <= tokens - change.from;
    }();
    if (!fits) out.emplace_back();
    out.back().push_back(change);
  }
  return out;
}

}  // namespace

Tensor Engine::perturbed(const Question& question,
                         const std::vector<Perturbation>& perturbations) const {
  check(question);
  const at::NoGradGuard no_grad;
  const Sides all = inputs(question).embeddings;
  std::vector<Tensor> of_groups;  // [perturbations, steps of the group]
  for (const Group& group : groups(question)) {
    const Sides embeddings = visible(all, group.tokens());
    const int64_t tokens = group.tokens(), steps = group.last - group.first;
    const auto pass = model_.forward(as_batch(embeddings),
                                     {.keep = models::Keep::kAttention, .length = group.length});
    // Final hidden states of rows [row, tokens) to scores of the steps they predict: [batch, ...].
    const auto scored = [&](const Tensor& hidden, int64_t row) {
      const int64_t first = std::max(row, group.first - 1), count = tokens - first;
      const int64_t batch = hidden.size(0);
      const Tensor targets =
          question.ids.target.narrow(0, first + 1, count).repeat({batch}).to(model_.device());
      const Tensor rows = hidden.narrow(1, first - row, count).flatten(0, 1);
      std::vector<Tensor> parts;
      for (const auto& [a, b] : even_blocks(0, rows.size(0), 256)) {
        parts.push_back(question.attributed_function(model_.logits(rows.narrow(0, a, b - a)),
                                                     targets.narrow(0, a, b - a)));
      }
      return at::cat(parts).view({batch, count}).cpu();
    };
    const Tensor plain = scored(pass->final_hidden, 0);  // [1, steps]
    Tensor result = plain.repeat({static_cast<int64_t>(perturbations.size()), 1});
    std::vector<Change> changes;
    for (size_t i = 0; i < perturbations.size(); ++i) {
      changes.push_back(change_of(perturbations[i], static_cast<int64_t>(i), tokens));
      if (changes.back().from >= tokens) changes.pop_back();  // later than every step
    }
    int64_t done = 0;
    for (const auto& batch : batches(changes, tokens, source_tokens(question))) {
      const int64_t from = batch.front().from;
      std::vector<Tensor> source, target;
      for (const Change& change : batch) {
        const Perturbation& edits = perturbations[static_cast<size_t>(change.index)];
        if (change.source) source.push_back(edited(embeddings.source, edits, true));
        target.push_back(edited(embeddings.target, edits, false).narrow(0, from, tokens - from));
      }
      const Tensor targets = at::stack(target);
      const Tensor hidden =
          source.empty() ? model_.forward_on(*pass, from, targets, group.length)
                         : model_.forward({at::stack(source), targets}, {.length = group.length})
                               ->final_hidden;
      const Tensor scores = scored(hidden, from);
      for (size_t i = 0; i < batch.size(); ++i) {
        // Steps that do not see the change keep their score to the last bit.
        const int64_t seen = std::max<int64_t>(0, batch[i].from + 1 - group.first);
        const int64_t kept = std::max(seen, steps - scores.size(1));
        result[batch[i].index]
            .narrow(0, kept, steps - kept)
            .copy_(scores[static_cast<int64_t>(i)].narrow(0, kept - (steps - scores.size(1)),
                                                          steps - kept));
      }
      done += static_cast<int64_t>(batch.size());
      report_done(
          group.first - question.first + steps * done / static_cast<int64_t>(changes.size()),
          question);
    }
    of_groups.push_back(result);
  }
  return at::cat(of_groups, 1);
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
  std::vector<Tensor> parts;
  for (size_t first = 0, end; first < order.size(); first = end) {
    const auto position = [&](size_t i) { return texts[order[i]].position; };
    const auto fits = [&](size_t i) {
      return model_.regime(position(i)) == model_.regime(position(first)) &&
             (position(i) + source) * static_cast<int64_t>(i - first + 1) <= kRowsPerPass;
    };
    for (end = first + 1; end < order.size() && fits(end);) ++end;
    const auto count = static_cast<int64_t>(end - first);
    // Longer texts may follow: what is right of a text's end changes nothing before it.
    const int64_t longest = position(end - 1);
    Sides ids{Tensor(), at::zeros({count, longest}, at::kLong)};
    std::vector<Tensor> sources;
    const Tensor last = at::empty({count}, at::kLong), targets = at::empty({count}, at::kLong);
    for (int64_t i = 0; i < count; ++i) {
      const ReplacedText& text = texts[order[first + static_cast<size_t>(i)]];
      ids.target[i].narrow(0, 0, text.position).copy_(text.ids.target);
      if (source > 0) sources.push_back(text.ids.source);
      last[i] = text.position - 1;
      targets[i] = question.ids.target[text.position];
    }
    if (source > 0) ids.source = at::stack(sources);
    const auto pass =
        model_.forward(model_.embed(ids), {.keep = models::Keep::kNothing, .length = longest});
    const Tensor hidden = pass->final_hidden.index(
        {at::arange(count, last.options()).to(model_.device()), last.to(model_.device())});
    for (const auto& [a, b] : even_blocks(0, count, 256)) {
      parts.push_back(score(model_.logits(hidden.narrow(0, a, b - a)),
                            targets.narrow(0, a, b - a).to(model_.device()))
                          .cpu());
    }
  }
  const Tensor sorted = at::cat(parts);
  const Tensor index = at::tensor(std::vector<int64_t>(order.begin(), order.end()), at::kLong);
  return at::empty_like(sorted).index_copy_(0, index, sorted);
}

}  // namespace inseq::engine
