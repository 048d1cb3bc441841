#include "methods/paths/adaptive_line.h"

#include "engine/results.h"
#include "methods/paths/straight_line.h"

namespace inseq::methods {
namespace {

constexpr int64_t kFirstPanels = 4, kPointsAPanel = 2;
constexpr int64_t kStepsAtOnce = 16;  // whose panels' attributions of every hidden unit are held
constexpr double kNegligible = 1.0 / 256;  // share of the tolerance that no panel is halved for

/// A part of the line: from and to.
using Panel = std::pair<double, double>;

/// What a panel gives one step.
struct Piece {
  Panel panel;
  double gap = 0;    // sum of attributions - change of the score
  double total = 0;  // sum of attributions
  Sides given = {};  // [tokens, hidden]; a target's tokens are those that the step sees
};

/// The integral of one step.
struct StepSum {
  std::vector<Panel> wanted;  // panels to compute
  std::vector<Piece> pieces;  // that may still be halved
  Piece done = {};            // the sum of those that will not be
  int64_t used = 0;           // points, those of wanted panels included
};

/// Neighbours among ascending numbers as [first, last).
std::vector<std::pair<int64_t, int64_t>> runs_of(const std::vector<int64_t>& numbers) {
  std::vector<std::pair<int64_t, int64_t>> runs;
  for (const int64_t number : numbers) {
    if (runs.empty() || runs.back().second != number) runs.emplace_back(number, number);
    ++runs.back().second;
  }
  return runs;
}

/// Sums up what is known of a step and says what it wants next.
class Refinement {
 public:
  Refinement(const AdaptiveLine& line, int64_t points) : line_(line), points_(points) {}

  void start(StepSum& step) const {
    const int64_t panels = std::clamp<int64_t>(line_.most_points / points_, 1, kFirstPanels);
    const auto end = [&](int64_t i) {
      return static_cast<double>(i) / static_cast<double>(panels);
    };
    for (int64_t i = 0; i < panels; ++i) step.wanted.emplace_back(end(i), end(i + 1));
    step.used = panels * points_;
  }

  /// After the wanted panels were computed.
  void go_on(StepSum& step) const {
    step.wanted.clear();
    double gap = step.done.gap, worst = 0;
    for (const Piece& piece : step.pieces) {
      gap += piece.gap;
      worst = std::max(worst, std::abs(piece.gap));
    }
    const double negligible = kNegligible * line_.tolerance;
    // Large gaps that cancel each other are not accepted.
    const bool finished =
        (std::abs(gap) <= line_.tolerance && worst <= line_.tolerance) || worst <= negligible;
    std::vector<Piece> kept;
    for (Piece& piece : step.pieces) {
      const bool halved = !finished && std::abs(piece.gap) >= worst / 2 &&
                          step.used + 2 * points_ <= line_.most_points;
      if (halved) {
        const auto [from, to] = piece.panel;
        const double middle = (from + to) / 2;
        step.wanted.insert(step.wanted.end(), {{from, middle}, {middle, to}});
        step.used += 2 * points_;
      } else if (finished || std::abs(piece.gap) <= negligible) {
        add(piece, step.done);
      } else {
        kept.push_back(std::move(piece));
      }
    }
    step.pieces = std::move(kept);
    if (!step.wanted.empty()) return;
    for (const Piece& piece : step.pieces) add(piece, step.done);
    step.pieces.clear();
  }

 private:
  static void add(const Piece& piece, Piece& sum) {
    sum.gap += piece.gap;
    sum.total += piece.total;
    const auto side = [](const Tensor& given, Tensor& total) {
      if (given.defined()) total = total.defined() ? total.add_(given) : given.clone();
    };
    side(piece.given.source, sum.given.source);
    side(piece.given.target, sum.given.target);
  }

  const AdaptiveLine& line_;
  int64_t points_;
};

/// The integrals of a few steps.
class Integration {
 public:
  Integration(const engine::Engine& engine, const engine::Question& question,
              const AdaptiveLine& line)
      : engine_(engine),
        question_(question),
        line_(line),
        points_(std::min(kPointsAPanel, line.most_points)),
        rule_(quadrature(line.rule, points_)),
        steps_(static_cast<size_t>(question.steps())) {
    question_.detail = engine::Detail::kGranular;
    question_.step_scores.clear();
  }

  /// Of each step.
  std::vector<Piece> run() {
    const Refinement refinement(line_, points_);
    for (StepSum& step : steps_) refinement.start(step);
    for (auto runs = wanted(); !runs.empty(); runs = wanted()) {
      find_scores(runs);
      for (const auto& [steps, panels] : runs) compute(steps, panels);
      for (StepSum& step : steps_) {
        if (!step.wanted.empty()) refinement.go_on(step);
      }
    }
    std::vector<Piece> out;
    out.reserve(steps_.size());
    for (StepSum& step : steps_) out.push_back(std::move(step.done));
    return out;
  }

 private:
  /// Steps [first, last) and the panels that all of them want.
  using Wanted = std::map<std::pair<int64_t, int64_t>, std::vector<Panel>>;

  Wanted wanted() const {
    std::map<Panel, std::vector<int64_t>> steps;  // ascending
    for (size_t i = 0; i < steps_.size(); ++i) {
      for (const Panel& panel : steps_[i].wanted) steps[panel].push_back(static_cast<int64_t>(i));
    }
    Wanted out;
    for (const auto& [panel, own] : steps) {
      for (const auto& run : runs_of(own)) out[run].push_back(panel);
    }
    return out;
  }

  /// The scores of all steps at the ends of panels.
  void find_scores(const Wanted& runs) {
    std::vector<double> ends;
    for (const auto& [steps, panels] : runs) {
      for (const auto& [from, to] : panels) {
        for (const double end : {from, to}) {
          if (scores_.emplace(end, Tensor()).second) ends.push_back(end);
        }
      }
    }
    if (ends.empty()) return;
    const Tensor found = scores_between(engine_, question_, ends);
    for (size_t i = 0; i < ends.size(); ++i) scores_[ends[i]] = found[static_cast<int64_t>(i)];
  }

  /// What panels give the steps of a run, all from one question.
  void compute(const std::pair<int64_t, int64_t>& run, const std::vector<Panel>& panels) {
    engine::Question part = question_;
    part.first = question_.first + run.first;
    part.last = question_.first + run.second;
    const engine::Answer found = engine_.gradients(part, path(panels));
    for (size_t p = 0; p < panels.size(); ++p) {
      const auto first_point = static_cast<int64_t>(p) * points_;
      const Tensor totals = found.totals.narrow(1, first_point, points_).sum(1);
      const Tensor change = scores_.at(panels[p].second) - scores_.at(panels[p].first);
      for (int64_t i = 0; i < part.steps(); ++i) {
        const double total = totals[i].item<double>();
        const auto of_step = [&](const Tensor& x, int64_t rows) {
          if (!x.defined()) return x;
          return x.narrow(0, 0, rows).select(1, i).narrow(1, first_point, points_).sum(1);
        };
        steps_[static_cast<size_t>(run.first + i)].pieces.push_back(
            {panels[p],
             total - change[run.first + i].item<double>(),
             total,
             {of_step(found.source, found.source.defined() ? found.source.size(0) : 0),
              of_step(found.target, part.first + i)}});
      }
    }
  }

  /// The points of panels, one panel's after the other's.
  engine::Path path(const std::vector<Panel>& panels) const {
    return {.points = static_cast<int64_t>(panels.size()) * points_,
            .points_at_once = line_.points_at_once,
            .point =
                [&, this](const engine::Inputs& inputs, int64_t i) {
                  const auto [from, to] = panels[static_cast<size_t>(i / points_)];
                  const auto index = static_cast<size_t>(i % points_);
                  const double width = to - from;
                  return point_between(question_, inputs, from + width * rule_.points[index],
                                       width * rule_.weights[index], /*multiplied=*/true);
                },
            .apart = true};
  }

  const engine::Engine& engine_;
  engine::Question question_;
  const AdaptiveLine& line_;
  int64_t points_;
  Quadrature rule_;
  std::vector<StepSum> steps_;
  std::map<double, Tensor> scores_;  // [steps] float64, at ends of panels
};

}  // namespace

engine::Answer integrate_adaptively(const engine::Engine& engine, const engine::Question& question,
                                    const AdaptiveLine& line) {
  engine::Answer answer;
  if (!question.step_scores.empty()) answer = engine.scores(question);
  answer.totals = at::empty({question.steps()}, at::kDouble);
  for (const auto& [first, last] :
       engine::even_blocks(question.first, question.last, kStepsAtOnce)) {
    engine::Question part = question;
    part.first = first;
    part.last = last;
    const engine::Engine of_part = engine.part(first - question.first, question.steps(), "steps");
    const std::vector<Piece> sums = Integration(of_part, part, line).run();
    for (size_t i = 0; i < sums.size(); ++i) {
      const int64_t position = first + static_cast<int64_t>(i);
      answer.totals[position - question.first] = sums[i].total;
      const auto one = [&](const Tensor& given) {
        return engine::kept_units(question, given.unsqueeze(0));  // [1, tokens, hidden or 1]
      };
      const Sides& given = sums[i].given;
      if (given.source.defined())
        engine::place_whole(question, position, one(given.source), answer.source);
      if (given.target.defined())
        engine::place_target(question, position, one(given.target), answer);
    }
  }
  return answer;
}

}  // namespace inseq::methods
