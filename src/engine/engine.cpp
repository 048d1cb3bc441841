#include "engine/engine.h"

#include <numeric>

#include "base/memory.h"
#include "inseq/error.h"

namespace inseq::engine {
namespace {

/// Token rows that a block aims at: enough that reading and packing the weights costs little beside
/// the products.
constexpr int64_t kRowsPerBlock = 1024;

/// Attention weights taken out of a forward pass at once.
constexpr int64_t kAttentionBytes = int64_t{64} << 20;

double share_of_free_memory(bool on_cpu) { return on_cpu ? 0.5 : 0.7; }

}  // namespace

/// Steps whose prefixes share one forward pass.
struct Engine::Group {
  int64_t first = 0, last = 0;  // positions explained: [first, last)
  int64_t length = 0;           // length of text that the rotary frequencies are chosen for
  Tensor embeddings;            // [1, tokens, hidden]
  models::DecoderOnly::Saved saved;
  Tensor final_hidden;  // [1, tokens, hidden]

  int64_t tokens() const { return last - 1; }
};

Engine::Engine(const models::DecoderOnly& model, Settings settings)
    : model_(model), settings_(std::move(settings)) {}

void Engine::check(const Question& question) const {
  const int64_t tokens = question.ids.size(0);
  INSEQ_CHECK(question.first >= 1 && question.first < question.last && question.last <= tokens,
              InvalidArgument, "positions ", question.first, " to ", question.last,
              " cannot be explained in a text of ", tokens, " tokens");
  const auto limit = model_.sizes().max_positions;
  INSEQ_CHECK(!limit || question.last - 1 <= *limit, InvalidArgument, "the text needs ",
              question.last - 1, " positions, the model has ", *limit,
              "; shorten the text or explain fewer tokens");
}

std::vector<Engine::Group> Engine::groups(const Question& question) const {
  std::vector<Group> out;
  for (int64_t p = question.first; p < question.last; ++p) {
    if (out.empty() || model_.regime(p) != model_.regime(p - 1)) {
      Group group;
      group.first = p;
      out.push_back(std::move(group));
    }
    out.back().last = p + 1;
    out.back().length = p;
  }
  return out;
}

int64_t Engine::steps_per_block(const Question& question, const Group& group) const {
  const bool on_cpu = model_.device().is_cpu();
  const int64_t limit =
      settings_.memory_limit > 0
          ? settings_.memory_limit
          : static_cast<int64_t>(share_of_free_memory(on_cpu) * static_cast<double>(free_memory()));
  const int64_t tokens = group.tokens(), hidden = model_.sizes().hidden;
  // Logits, their gradient and the function's temporaries; the gradient that leaves the block, and
  // its shaped copy.
  const int64_t one_step =
      model_.pullback_bytes(tokens) + 6 * model_.sizes().vocab * 4 + 3 * tokens * hidden * 4;
  const int64_t saved = model_.saved_bytes(tokens);
  INSEQ_CHECK(limit == 0 || saved + one_step <= limit, InvalidArgument,
              "explaining one step of this ", question.ids.size(0), "-token text needs ",
              bytes_text(saved + one_step), " of working memory, the limit is ", bytes_text(limit),
              "; raise --memory-limit or shorten the text");
  const int64_t affordable = limit == 0 ? group.last - group.first : (limit - saved) / one_step;
  return std::max<int64_t>(1, std::min(affordable, (kRowsPerBlock + tokens - 1) / tokens));
}

Answer Engine::gradients(const Question& question, const ShapeBlock& shape_block) const {
  check(question);
  const at::NoGradGuard no_grad;
  Answer answer;
  const bool autograd = settings_.backend == Backend::kAutograd;
  for (Group& group : groups(question)) {
    const int64_t affordable = steps_per_block(question, group);
    group.embeddings = model_.embed(question.ids.narrow(0, 0, group.tokens())).unsqueeze(0);
    if (!autograd)
      group.final_hidden = model_.forward(group.embeddings, &group.saved, group.length);
    // Blocks of nearly equal size: a last block of one step would leave the processor idle.
    const int64_t steps = group.last - group.first, size = autograd ? 1 : affordable;
    const int64_t count = (steps + size - 1) / size;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t end = group.first + steps * (i + 1) / count;
      explain_block(question, group, group.first + steps * i / count, end, shape_block, answer);
      report_steps(question, end - question.first);
    }
  }
  return answer;
}

namespace {

/// Copies a block's rows into the result, which is made when the first block shows its shape.
void place(const Question& question, int64_t first, const Tensor& block, Tensor& result) {
  if (!result.defined()) {
    std::vector<int64_t> shape = block.sizes().vec();
    shape[0] = question.last;
    shape[1] = question.steps();
    result = at::full(shape, std::numeric_limits<float>::quiet_NaN(), at::kFloat);
  }
  for (int64_t s = 0; s < block.size(0); ++s) {
    const int64_t visible = first + s;  // a step sees the tokens before its position
    result.narrow(0, 0, visible)
        .select(1, first + s - question.first)
        .copy_(block[s].narrow(0, 0, visible));
  }
}

void place_score(const Question& question, int64_t first, const std::string& name,
                 const Tensor& block, Answer& answer) {
  Tensor& scores = answer.step_scores[name];
  if (!scores.defined()) scores = at::empty({question.steps()}, at::kFloat);
  scores.narrow(0, first - question.first, block.size(0)).copy_(block);
}

/// The other scores of a block, from the logits that are there anyway.
void place_scores(const Question& question, int64_t first, const Tensor& logits, Answer& answer) {
  const Tensor targets = question.ids.narrow(0, first, logits.size(0)).to(logits.device());
  for (const auto& [name, function] : question.step_scores) {
    place_score(question, first, name, function(logits, targets), answer);
  }
}

}  // namespace

void Engine::explain_block(const Question& question, const Group& group, int64_t first,
                           int64_t last, const ShapeBlock& shape_block, Answer& answer) const {
  const Tensor gradient = settings_.backend == Backend::kAutograd
                              ? autograd_of_block(question, group, first, last, answer)
                              : gradient_of_block(question, group, first, last, answer);
  const Tensor inputs =
      group.embeddings[0].narrow(0, 0, gradient.size(1)).to(gradient.scalar_type());
  Tensor shaped = shape_block({gradient, inputs});
  if (question.detail == Detail::kPerToken)
    shaped = at::linalg_vector_norm(shaped, 2, -1, /*keepdim=*/true);
  place(question, first, shaped, answer.attributions);
}

Tensor Engine::gradient_of_block(const Question& question, const Group& group, int64_t first,
                                 int64_t last, Answer& answer) const {
  std::vector<int64_t> positions(static_cast<size_t>(last - first));  // of the tokens that predict
  std::iota(positions.begin(), positions.end(), first - 1);
  const Tensor targets = question.ids.narrow(0, first, last - first).to(model_.device());
  const Tensor hidden =
      group.final_hidden[0].narrow(0, first - 1, last - first);  // [steps, hidden]
  Tensor grad_logits;                                            // [steps, vocab]
  {
    const at::AutoGradMode recording(true);
    const Tensor logits = model_.logits(hidden.detach()).detach().requires_grad_();
    const Tensor scores = question.attributed_function(logits, targets);
    grad_logits = torch::autograd::grad({scores.sum()}, {logits})[0];
    const at::NoGradGuard done;
    place_scores(question, first, logits, answer);
  }
  const Tensor grad_final = model_.logits_pullback(grad_logits).unsqueeze(1);  // [steps, 1, hidden]
  return model_.pullback(grad_final, positions, group.saved).squeeze(1);
}

Tensor Engine::autograd_of_block(const Question& question, const Group& group, int64_t first,
                                 int64_t last, Answer& answer) const {
  const at::AutoGradMode recording(true);
  const Tensor targets = question.ids.narrow(0, first, last - first).to(model_.device());
  const Tensor inputs = group.embeddings.narrow(1, 0, last - 1).detach().requires_grad_();
  const Tensor hidden = model_.forward(inputs, nullptr, group.length)[0].narrow(0, last - 2, 1);
  const Tensor logits = model_.logits(hidden);
  const Tensor gradient =
      torch::autograd::grad({question.attributed_function(logits, targets).sum()}, {inputs})[0];
  const at::NoGradGuard done;
  place_scores(question, first, logits.detach(), answer);
  return gradient.to(logits.scalar_type());
}

Answer Engine::scores(const Question& question) const {
  check(question);
  const at::NoGradGuard no_grad;
  Answer answer;
  for (Group& group : groups(question)) {
    group.embeddings = model_.embed(question.ids.narrow(0, 0, group.tokens())).unsqueeze(0);
    const Tensor hidden = model_.forward(group.embeddings, nullptr, group.length)[0];
    constexpr int64_t kStepsAtOnce = 64;
    for (int64_t p = group.first; p < group.last; p += kStepsAtOnce) {
      const int64_t count = std::min(kStepsAtOnce, group.last - p);
      place_scores(question, p, model_.logits(hidden.narrow(0, p - 1, count)), answer);
      report_steps(question, p + count - question.first);
    }
  }
  return answer;
}

Answer Engine::attention(const Question& question) const {
  check(question);
  const at::NoGradGuard no_grad;
  Answer answer = question.step_scores.empty() ? Answer{} : scores(question);
  const int64_t tokens = question.last - 1;
  models::DecoderOnly::Saved saved;
  model_.forward(model_.embed(question.ids.narrow(0, 0, tokens)).unsqueeze(0), &saved);
  const auto& sizes = model_.sizes();
  const int64_t rows_at_once =
      std::max<int64_t>(1, kAttentionBytes / (sizes.layers * sizes.heads * tokens * 4));
  for (int64_t p = question.first; p < question.last; p += rows_at_once) {
    const int64_t count = std::min(rows_at_once, question.last - p);
    const Tensor rows =
        at::arange(p - 1, p - 1 + count, at::TensorOptions(at::kLong).device(model_.device()));
    // [layers, batch, heads, rows, tokens] -> [steps, tokens, layers, heads]
    Tensor block = model_.attention_weights(saved, rows).select(1, 0).permute({2, 3, 0, 1});
    if (question.detail == Detail::kPerToken) block = block.mean({-2, -1}, /*keepdim=*/true);
    place(question, p, block, answer.attributions);
    report_steps(question, p + count - question.first);
  }
  return answer;
}

void Engine::report_steps(const Question& question, int64_t done) const {
  report(settings_.progress, {settings_.task, done, question.steps(), "steps"});
}

}  // namespace inseq::engine
