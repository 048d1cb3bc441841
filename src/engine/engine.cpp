#include "engine/engine.h"

#include "base/memory.h"
#include "engine/group.h"
#include "engine/results.h"
#include "inseq/error.h"
#include "models/stack/device.h"

namespace inseq::engine {
namespace {

/// Attention weights taken out of a forward pass at once.
constexpr int64_t kAttentionBytes = int64_t{64} << 20;
constexpr int64_t kStepsOfLogits = 64;  // scored at once

double share_of_free_memory(bool on_cpu) { return on_cpu ? 0.5 : 0.7; }

void check_length(const char* side, int64_t tokens, std::optional<int64_t> limit) {
  INSEQ_CHECK(!limit || tokens <= *limit, InvalidArgument, "the ", side, " needs ", tokens,
              " positions, the model has ", *limit, "; shorten the ", side,
              " or explain fewer tokens");
}

}  // namespace

Engine::Engine(const models::LanguageModel& model, Settings settings)
    : model_(model), settings_(std::move(settings)) {}

void Engine::check(const Question& question) const {
  const int64_t tokens = question.ids.target.size(0);
  INSEQ_CHECK(question.first >= 1 && question.first < question.last && question.last <= tokens,
              InvalidArgument, "positions ", question.first, " to ", question.last,
              " cannot be explained in a text of ", tokens, " tokens");
  check_length("text", question.last - 1, model_.sizes().max_positions);
  check_length("source", source_tokens(question), model_.sizes().max_source_positions);
}

int64_t Engine::memory_limit() const {
  if (settings_.memory_limit > 0) return settings_.memory_limit;
  return static_cast<int64_t>(share_of_free_memory(model_.device().is_cpu()) *
                              static_cast<double>(models::free_memory(model_.device())));
}

Tensor Engine::logits_of(const Tensor& final_hidden) const {
  const Tensor logits = model_.logits(final_hidden);
  INSEQ_CHECK(
      !logits.max().isnan().item<bool>(), FormatError,
      "the model's scores of the next token are not numbers (NaN): its weights are damaged, "
      "or too large for this type; try --dtype float32");
  return logits;
}

void Engine::check_memory(const std::string& what, const Question& question, int64_t needed) const {
  const int64_t limit = memory_limit();
  INSEQ_CHECK(limit == 0 || needed <= limit, InvalidArgument, what, " of this ",
              question.ids.target.size(0), "-token text needs ", bytes_text(needed),
              " of working memory, the limit is ", bytes_text(limit),
              "; raise --memory-limit or shorten the text");
}

std::vector<Engine::Group> Engine::groups(const Question& question) const {
  std::vector<Group> out;
  for (int64_t p = question.first; p < question.last; ++p) {
    if (out.empty() || model_.regime(p) != model_.regime(p - 1)) out.push_back({.first = p});
    out.back().last = p + 1;
    out.back().length = p;
  }
  return out;
}

Inputs Engine::inputs(const Question& question) const {
  const at::NoGradGuard no_grad;
  const int64_t tokens = question.last - 1;
  Inputs out{.embeddings = model_.embed(visible(question.ids, tokens)), .baselines = {}};
  if (question.baseline_ids.target.defined())
    out.baselines = model_.embed(visible(question.baseline_ids, tokens));
  return out;
}

Answer Engine::scores(const Question& question) const {
  check(question);
  const at::NoGradGuard no_grad;
  Answer answer;
  const Sides embeddings = inputs(question).embeddings;
  for (const Group& group : groups(question)) {
    const auto pass = model_.forward(as_batch(visible(embeddings, group.tokens())),
                                     {.keep = models::Keep::kNothing, .length = group.length});
    for (const auto& [first, last] : even_blocks(group.first, group.last, kStepsOfLogits)) {
      const Tensor hidden = pass->final_hidden[0].narrow(0, first - 1, last - first);
      place_scores(question, first, logits_of(hidden), answer);
      report_done(last - question.first, question);
    }
  }
  return answer;
}

Answer Engine::attention(const Question& question) const {
  check(question);
  const at::NoGradGuard no_grad;
  Answer answer = question.step_scores.empty() ? Answer{} : scores(question);
  const int64_t tokens = question.last - 1;
  const auto pass = model_.forward(as_batch(inputs(question).embeddings),
                                   {.keep = models::Keep::kAttention, .length = 0});
  const auto& sizes = model_.sizes();
  const int64_t keys = tokens + source_tokens(question);
  const int64_t rows_at_once =
      std::max<int64_t>(1, kAttentionBytes / (sizes.layers * sizes.heads * keys * 4));
  const bool reduced = question.detail == Detail::kPerToken;
  // [layers, batch, heads, rows, tokens] -> [rows, tokens, layers, heads]
  const auto shaped = [reduced](const Tensor& weights) {
    const Tensor out = weights.select(1, 0).permute({2, 3, 0, 1});
    return reduced ? out.mean({-2, -1}, /*keepdim=*/true) : out;
  };
  for (const auto& [first, last] : even_blocks(question.first, question.last, rows_at_once)) {
    const Tensor rows = at::arange(first - 1, last - 1, at::kLong).to(model_.device());
    const models::AttentionWeights weights = model_.attention(*pass, rows);
    if (weights.cross.defined()) place_whole(question, first, shaped(weights.cross), answer.source);
    place_target(question, first, shaped(weights.decoder), answer);
    if (weights.encoder.defined() && first == question.first) {
      answer.sequence_scores["encoder_self_attentions"] =
          shaped(weights.encoder).transpose(0, 1).to(at::kCPU, at::kFloat);
    }
    report_done(last - question.first, question);
  }
  if (source_tokens(question) > 0 && !question.attribute_target) {
    // In full, as Inseq has it: every target token's row, zero where it does not look.
    const Tensor rows = at::arange(tokens, at::kLong).to(model_.device());
    answer.sequence_scores["decoder_self_attentions"] =
        shaped(model_.attention(*pass, rows).decoder).transpose(0, 1).to(at::kCPU, at::kFloat);
    answer.target = Tensor();
  }
  return answer;
}

Engine Engine::part(int64_t index, int64_t count, const std::string& unit) const {
  Settings settings = settings_;
  if (settings.progress) {
    settings.progress = [=, whole = settings_.progress](const Progress& p) {
      whole({p.task, index + (p.done >= p.total ? 1 : 0), count, unit});
    };
  }
  return Engine(model_, std::move(settings));
}

void Engine::report_done(int64_t done, const Question& question) const {
  report(settings_.progress, {settings_.task, done, question.steps(), "steps"});
}

}  // namespace inseq::engine
