// Question 1: gradients of all steps, block by block.
#include <numeric>

#include "engine/engine.h"
#include "engine/group.h"
#include "engine/results.h"
#include "inseq/error.h"

namespace inseq::engine {
namespace {

/// The points [first, first + count) of a path as a batch.
struct Points {
  Sides embeddings;            // [count, tokens, hidden] a side
  std::vector<Sides> factors;  // undefined sides: 1
};

Points points_of(const Path& path, const Inputs& inputs, int64_t first, int64_t count) {
  if (path.point == nullptr) return {as_batch(inputs.embeddings), {Sides{}}};
  std::vector<Tensor> source, target;
  Points out;
  for (int64_t i = first; i < first + count; ++i) {
    const PathPoint point = path.point(inputs, i);
    if (point.embeddings.source.defined()) source.push_back(point.embeddings.source);
    target.push_back(point.embeddings.target);
    out.factors.push_back(point.factors);
  }
  out.embeddings = {source.empty() ? Tensor() : at::stack(source), at::stack(target)};
  return out;
}

/// Sums over a path for the steps [first, last): [steps, tokens, hidden] a side, or where points
/// are kept apart [steps, tokens, points, hidden].
class Sums {
 public:
  Sums(int64_t first, int64_t last, const Path& path)
      : first_(first), steps_(last - first), apart_(path.apart ? path.points : 0) {}

  /// Adds factor * gradient, summed over points. gradients: [steps, points, tokens, hidden] of the
  /// steps from `first` and the points from `point` on.
  void add(int64_t first, int64_t point, const Sides& gradients,
           const std::vector<Sides>& factors) {
    add_side(first, point, gradients.source, factors, &Sides::source);
    add_side(first, point, gradients.target, factors, &Sides::target);
  }

  void place(const Question& question, const Path& path, Answer& answer) const {
    std::vector<int64_t> shape{question.steps()};
    if (apart_ > 0) shape.push_back(apart_);
    if (!answer.totals.defined()) answer.totals = at::zeros(shape, at::kDouble);
    const Tensor totals = answer.totals.narrow(0, first_ - question.first, steps_);
    const auto finished = [&](const Tensor& sum) {
      std::vector<Tensor> of_steps;  // one by one: at::sum makes a copy in the type of its result
      for (const Tensor& step : sum.unbind(0))
        of_steps.push_back(step.sum({0, -1}, /*keepdim=*/false, at::kDouble));
      totals.add_(at::stack(of_steps).cpu());
      return kept_units(question, path.absolute ? sum.abs() : sum);
    };
    if (sums_.source.defined())
      place_whole(question, first_, finished(sums_.source), answer.source);
    if (sums_.target.defined()) place_target(question, first_, finished(sums_.target), answer);
  }

 private:
  Tensor rows_of(const Tensor& factor, int64_t tokens) const {
    return factor.dim() == 2 ? factor.narrow(0, 0, tokens) : factor;
  }
  void add_side(int64_t first, int64_t point, const Tensor& all, const std::vector<Sides>& factors,
                Tensor Sides::* side) {
    if (!all.defined()) return;
    const int64_t steps = all.size(0), tokens = all.size(2);
    Tensor& sum = sums_.*side;
    if (apart_ == 0 && steps == steps_ && factors.size() == 1 &&
        !sum.defined()) {  // one point, one block
      const Tensor& factor = factors[0].*side;
      const Tensor only = all.select(1, 0);
      sum = factor.defined() ? only * rows_of(factor, tokens).to(all.scalar_type()) : only;
      return;
    }
    if (!sum.defined() || sum.size(1) < tokens) sum = grown(sum, tokens, all);
    const Tensor rows = sum.narrow(0, first - first_, steps).narrow(1, 0, tokens);
    for (size_t i = 0; i < factors.size(); ++i) {
      const Tensor& factor = factors[i].*side;
      const auto index = static_cast<int64_t>(i);
      const Tensor gradient = all.select(1, index);
      const Tensor part = apart_ > 0 ? rows.select(2, point + index) : rows;
      if (factor.defined()) {
        part.addcmul_(gradient, rows_of(factor, tokens).to(gradient.scalar_type()));
      } else {
        part.add_(gradient);
      }
    }
  }
  Tensor grown(const Tensor& sum, int64_t tokens, const Tensor& like) const {
    std::vector<int64_t> shape{steps_, tokens, like.size(-1)};
    if (apart_ > 0) shape.insert(shape.end() - 1, apart_);
    const Tensor out = at::zeros(shape, like.options());
    if (sum.defined()) out.narrow(1, 0, sum.size(1)).copy_(sum);
    return out;
  }

  int64_t first_, steps_;
  int64_t apart_;  // points that are kept apart, or 0
  Sides sums_;
};

}  // namespace

/// How the work on a group of steps is cut up.
struct Engine::Plan {
  int64_t points = 1;      // of the path, in one forward pass
  int64_t kept_steps = 1;  // whose sums over the path are in the making at once
  int64_t steps = 1;       // in one pullback
};

Engine::Plan Engine::plan(const Question& question, const Group& group, const Path& path) const {
  const int64_t limit = memory_limit();
  const int64_t tokens = group.tokens(), source = source_tokens(question);
  const int64_t hidden = model_.sizes().hidden, width = 4 * hidden * (tokens + source);
  // With the gradient that leaves the block, and its shaped copy.
  int64_t one_step = model_.pullback_bytes(source, tokens) + logit_bytes(model_) + 3 * width;
  int64_t saved = model_.saved_bytes(source, tokens);
  if (path.rule == Rule::kRescaleAll) {  // attention weights as they are, and the reference
    const int64_t heads = std::max(model_.sizes().heads, model_.sizes().encoder_heads);
    const int64_t longest = std::max(tokens, source);
    one_step += 6 * heads * longest * longest * 4;
    saved *= 2;
  }
  // Of one step.
  const int64_t sums = path.points > 1 ? width * (path.apart ? path.points : 1) : 0;
  check_memory("explaining one step", question, saved + one_step + sums);
  const int64_t steps = group.last - group.first;
  Plan p{.points = std::min(path.points, std::max<int64_t>(1, kRowsPerPass / (tokens + source))),
         .kept_steps = steps};
  if (path.points_at_once > 0) p.points = std::min(p.points, path.points_at_once);
  const auto affordable = [&] {
    return (limit - p.points * saved - p.kept_steps * sums) / (p.points * one_step);
  };
  const auto wanted = [&] {
    const int64_t rows = tokens * p.points;
    return (kRowsPerBlock + rows - 1) / rows;
  };
  if (limit == 0) {
    p.steps = wanted();
    return p;
  }
  if (sums > 0) {
    p.kept_steps = std::clamp<int64_t>(limit / 3 / sums, 1, steps);
    p.points = std::clamp<int64_t>(limit / 3 / saved, 1, p.points);
    if (affordable() < 1) {
      p.points = 1;
      p.kept_steps = std::clamp<int64_t>((limit - saved - one_step) / sums, 1, p.kept_steps);
    }
  }
  p.steps = std::max<int64_t>(1, std::min(affordable(), wanted()));
  return p;
}

Answer Engine::gradients(const Question& question, const Path& path) const {
  check(question);
  INSEQ_CHECK(
      path.rule == Rule::kGradient || settings_.backend == Backend::kPullback, Unsupported,
      "--engine autograd knows gradients alone, not the rescale rule; use --engine pullback");
  const at::NoGradGuard no_grad;
  Answer answer;
  // At the inputs themselves the step scores come with the gradients.
  if (path.point != nullptr && !question.step_scores.empty()) answer = scores(question);
  for (const Group& group : groups(question)) explain_group(question, group, path, answer);
  return answer;
}

void Engine::explain_group(const Question& question, const Group& group, const Path& path,
                           Answer& answer) const {
  const Plan p = plan(question, group, path);
  const bool autograd = settings_.backend == Backend::kAutograd;
  const Inputs base = visible(inputs(question), group.tokens());
  const Inputs given = question.layer ? layer_outputs(question, group, base) : base;
  const int64_t passes = (path.points + p.points - 1) / p.points;
  const int64_t size = autograd ? 1 : p.steps;
  Points points;
  std::unique_ptr<models::LanguageModel::Pass> pass;
  // With one pass there is nothing to sum over: each block is finished on its own.
  for (const auto& [start, end] :
       even_blocks(group.first, group.last, passes == 1 ? size : p.kept_steps)) {
    Sums sums(start, end, path);
    for (int64_t i = 0; i < passes; ++i) {
      if (passes > 1 || points.factors.empty()) {
        pass.reset();
        points =
            points_of(path, given, i * p.points, std::min(p.points, path.points - i * p.points));
        if (!autograd) pass = pass_at(question, group, base, given, path, points.embeddings);
      }
      for (const auto& [first, last] : even_blocks(start, end, size)) {
        Answer* scores = path.point == nullptr ? &answer : nullptr;
        sums.add(first, i * p.points,
                 autograd
                     ? autograd_of_block(question, group, base, first, points.embeddings, scores)
                     : pullback_of_block(question, first, last, *pass, question.attribute_target,
                                         scores),
                 points.factors);
        const int64_t done = i * (end - start) + last - start;  // of this part, counted in passes
        report_done(start - question.first + done / passes, question);
      }
    }
    sums.place(question, path, answer);
  }
}

/// What the question's layer makes of a text and of its baseline.
Inputs Engine::layer_outputs(const Question& question, const Group& group,
                             const Inputs& base) const {
  const auto value = [&](const Sides& embeddings) {
    if (!embeddings.target.defined()) return Sides{};
    const Sides at = model_.at_tap(*question.layer, as_batch(embeddings), group.length);
    return Sides{at.source.defined() ? at.source.squeeze(0) : Tensor(), at.target.squeeze(0)};
  };
  return {value(base.embeddings), value(base.baselines)};
}

/// The forward pass at a batch of points; for the rescale rule, compared with one at the baseline.
std::unique_ptr<models::LanguageModel::Pass> Engine::pass_at(const Question& question,
                                                             const Group& group, const Inputs& base,
                                                             const Inputs& given, const Path& path,
                                                             const Sides& embeddings) const {
  const models::Tap* tap = question.layer ? &*question.layer : nullptr;
  std::unique_ptr<models::LanguageModel::Pass> reference;
  if (path.rule != Rule::kGradient) {
    const bool whole = question.attributes_target();
    const Sides from{given.baselines.source,
                     whole ? given.baselines.target : given.embeddings.target};
    const Sides under = tap == nullptr ? Sides{} : as_batch(base.baselines);
    reference = model_.forward(as_batch(from), {.keep = models::Keep::kReference,
                                                .length = group.length,
                                                .every_function = path.rule == Rule::kRescaleAll,
                                                .tap = tap,
                                                .base = &under});
  }
  const Sides under = as_batch(base.embeddings);
  return model_.forward(embeddings, {.keep = models::Keep::kPullback,
                                     .length = group.length,
                                     .reference = reference.get(),
                                     .every_function = path.rule == Rule::kRescaleAll,
                                     .tap = tap,
                                     .base = &under});
}

/// Gradients of the steps [first, last) at a batch of points: [steps, points, tokens, hidden] a
/// side.
Sides Engine::pullback_of_block(const Question& question, int64_t first, int64_t last,
                                const Pass& pass, bool target_too, Answer* scores) const {
  const int64_t steps = last - first, batch = pass.final_hidden.size(0);
  std::vector<int64_t> positions(static_cast<size_t>(steps));  // of the tokens that predict
  std::iota(positions.begin(), positions.end(), first - 1);
  const Tensor targets =
      question.ids.target.narrow(0, first, steps).repeat_interleave(batch).to(model_.device());
  const Tensor hidden =
      pass.final_hidden.narrow(1, first - 1 - pass.from, steps).transpose(0, 1).flatten(0, 1);
  Tensor grad_logits;  // [steps * points, vocab]
  {
    const at::AutoGradMode recording(true);
    const Tensor logits = logits_of(hidden.detach()).detach().requires_grad_();
    const Tensor values = question.attributed_function(logits, targets);
    grad_logits = torch::autograd::grad({values.sum()}, {logits})[0];
    const at::NoGradGuard done;
    if (scores != nullptr) place_scores(question, first, logits, *scores);
  }
  const Tensor grad_final = model_.logits_pullback(grad_logits).unflatten(0, {steps, batch});
  return model_.pullback(grad_final, positions, pass, target_too);
}

/// The same for the step at one position.
Sides Engine::autograd_of_block(const Question& question, const Group& group, const Inputs& base,
                                int64_t position, const Sides& embeddings, Answer* scores) const {
  const at::AutoGradMode recording(true);
  const int64_t batch = embeddings.target.size(0);
  const Tensor targets =
      question.ids.target.narrow(0, position, 1).repeat_interleave(batch).to(model_.device());
  Sides at{Tensor(), embeddings.target.narrow(1, 0, position).detach().requires_grad_()};
  std::vector<Tensor> wanted = {at.target};
  if (embeddings.source.defined()) {
    at.source = embeddings.source.detach().requires_grad_();
    wanted.push_back(at.source);
  }
  const Sides under = as_batch(visible(base.embeddings, position));
  const auto pass = model_.forward(at, {.keep = models::Keep::kNothing,
                                        .length = group.length,
                                        .tap = question.layer ? &*question.layer : nullptr,
                                        .base = &under});
  const Tensor logits = logits_of(pass->final_hidden.select(1, position - 1));
  std::vector<Tensor> found =
      torch::autograd::grad({question.attributed_function(logits, targets).sum()}, wanted);
  const at::NoGradGuard done;
  if (scores != nullptr) place_scores(question, position, logits.detach(), *scores);
  for (Tensor& gradient : found) gradient = gradient.to(logits.scalar_type()).unsqueeze(0);
  if (wanted.size() == 1) return {Tensor(), found[0]};
  return {found[1], question.attribute_target ? found[0] : Tensor()};
}

}  // namespace inseq::engine
