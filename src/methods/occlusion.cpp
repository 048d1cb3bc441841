// Occlusion (Zeiler and Fergus 2014): the fall of the score when tokens are replaced by a baseline.
#include "inseq/error.h"
#include "methods/features/groups.h"
#include "methods/paths/straight_line.h"
#include "methods/registry/method.h"

namespace inseq::methods {
namespace {

/// Tokens that are replaced together: [first, first + size).
struct Window {
  bool source = false;
  int64_t first = 0, size = 1;
};

/// The number of tokens in an option that is a number of tokens, or as Captum has it a pair of
/// tokens and hidden units, or one such pair for each side.
int64_t tokens_of(const Json& option, const char* name, size_t side, int64_t hidden) {
  const Json* value = &option;
  if (value->is_array() && !value->empty() && value->front().is_array())
    value = &value->at(std::min(side, value->size() - 1));
  const bool pair = value->is_array() && value->size() == 2 && value->at(0).is_number_integer() &&
                    value->at(1).is_number_integer();
  INSEQ_CHECK(value->is_number_integer() || pair, InvalidArgument, "option \"", name, "\" is ",
              option.dump(), ", needed is a number of tokens, or [tokens, hidden units]");
  if (pair) {
    INSEQ_CHECK(value->at(1) == hidden, InvalidArgument, "option \"", name, "\" is ", option.dump(),
                ", but tokens are replaced whole: the second number must be ", hidden,
                ", the hidden size");
    value = &value->at(0);
  }
  const auto tokens = value->get<int64_t>();
  INSEQ_CHECK(tokens >= 1, InvalidArgument, "option \"", name, "\" is ", option.dump(),
              ", needed is at least 1 token");
  return tokens;
}

/// The number of windows over `tokens` tokens; the last one may reach past the end.
int64_t window_count(int64_t tokens, int64_t size, int64_t stride) {
  return tokens <= size ? 1 : (tokens - size + stride - 1) / stride + 1;
}

class Occlusion : public Method {
 public:
  MethodInfo info() const override {
    return {.kind = AttributionKind::kCoarse,
            .family = "perturbation",
            .summary = "fall of the score when tokens are replaced by a baseline",
            .paper = "Zeiler and Fergus 2014, arXiv:1311.2901",
            .uses_baseline = true,
            .options = {{"sliding_window_shapes", 1,
                         "tokens replaced together: a number, or [tokens, hidden size]",
                         Json::value_t::discarded},
                        {"strides", 1, "tokens from one window to the next: as above",
                         Json::value_t::discarded},
                        feature_mask_option(),
                        {"signed", false, "keep the sign: positive where the score falls"}}};
  }
  engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                           const Json& options) const override {
    check_baselines(question, "occlusion");
    const engine::Inputs inputs = engine.inputs(question);
    engine::Answer answer =
        question.step_scores.empty() ? engine::Answer{} : engine.scores(question);
    const bool keep_sign = options.at("signed").get<bool>();
    if (options.at("feature_mask").is_null()) {
      slide(engine, question, inputs, options, answer);
    } else {
      replace_groups(engine, question, inputs, options, answer);
    }
    for (Tensor* side : {&answer.source, &answer.target}) {
      if (side->defined()) *side = (keep_sign ? *side : side->abs()).to(at::kFloat);
    }
    return answer;
  }

 private:
  struct Sliding {
    bool source = false;
    int64_t size = 1, stride = 1;
  };

  /// How far the score of each step falls under each perturbation: [perturbations, steps] float64.
  static Tensor falls(const engine::Engine& engine, const engine::Question& question,
                      std::vector<engine::Perturbation> perturbations) {
    perturbations.insert(perturbations.begin(), engine::Perturbation{});  // the text as it is
    const Tensor scores = engine.perturbed(question, perturbations).to(at::kDouble);
    return scores[0] - scores.narrow(0, 1, scores.size(0) - 1);
  }

  static void slide(const engine::Engine& engine, const engine::Question& question,
                    const engine::Inputs& inputs, const Json& options, engine::Answer& answer) {
    const int64_t hidden = engine.model().sizes().hidden;
    const Json &shapes = options.at("sliding_window_shapes"), &strides = options.at("strides");
    const auto side = [&](bool source) {
      const size_t index = source || !question.ids.source.defined() ? 0 : 1;
      return Sliding{source, tokens_of(shapes, "sliding_window_shapes", index, hidden),
                     tokens_of(strides, "strides", index, hidden)};
    };
    std::vector<Window> windows;
    std::vector<engine::Perturbation> perturbations;
    const auto add_windows = [&](const Sliding& s, const Tensor& baseline) {
      const int64_t tokens = baseline.size(0);
      // A step that sees fewer tokens may need a window that would be left out for more.
      for (int64_t first = 0; first < tokens; first += s.stride) {
        windows.push_back({s.source, first, std::min(s.size, tokens - first)});
        engine::Perturbation edits;
        for (int64_t i = first; i < first + windows.back().size; ++i)
          edits.push_back({s.source, i, baseline[i]});
        perturbations.push_back(std::move(edits));
      }
    };
    const Sides& baselines = inputs.baselines;
    if (baselines.source.defined()) add_windows(side(true), baselines.source);
    if (question.attributes_target()) add_windows(side(false), baselines.target);
    const Tensor all = falls(engine, question, std::move(perturbations));
    if (baselines.source.defined())
      answer.source = means(question, side(true), windows, all, baselines.source.size(0));
    if (question.attributes_target())
      answer.target = means(question, side(false), windows, all, baselines.target.size(0) + 1);
  }

  /// Every token of a group gets the fall without the group; a step sees the part of it before its
  /// position.
  static void replace_groups(const engine::Engine& engine, const engine::Question& question,
                             const engine::Inputs& inputs, const Json& options,
                             engine::Answer& answer) {
    for (const char* name : {"sliding_window_shapes", "strides"}) {
      INSEQ_CHECK(options.at(name) == 1, InvalidArgument, "option \"", name,
                  "\" has no meaning beside \"feature_mask\"; leave one of them out");
    }
    const std::vector<Feature> features = features_of(question, options.at("feature_mask"));
    std::vector<engine::Perturbation> perturbations;
    for (const Feature& feature : features) {
      const Tensor& baseline = feature.source ? inputs.baselines.source : inputs.baselines.target;
      engine::Perturbation edits;
      for (const int64_t token : feature.tokens)
        edits.push_back({feature.source, token, baseline[token]});
      perturbations.push_back(std::move(edits));
    }
    const Tensor all = falls(engine, question, std::move(perturbations));
    const auto unseen = [&](int64_t rows) {
      return at::full({rows, question.steps()}, std::numeric_limits<double>::quiet_NaN(),
                      at::kDouble);
    };
    if (question.ids.source.defined()) answer.source = unseen(question.ids.source.size(0));
    if (question.attributes_target()) answer.target = unseen(question.last);
    for (size_t f = 0; f < features.size(); ++f) {
      for (const int64_t token : features[f].tokens) {
        const int64_t first =  // step that sees it
            features[f].source ? 0 : std::max<int64_t>(0, token + 1 - question.first);
        const int64_t steps = question.steps() - first;
        (features[f].source ? answer.source : answer.target)[token]
            .narrow(0, first, steps)
            .copy_(all[static_cast<int64_t>(f)].narrow(0, first, steps));
      }
    }
  }

  /// The mean fall of the windows over each token: [tokens, steps]. Tokens under no window get 0.
  static Tensor means(const engine::Question& question, const Sliding& sliding,
                      const std::vector<Window>& windows, const Tensor& falls, int64_t rows) {
    const Tensor out = at::zeros({rows, question.steps()}, at::kDouble);
    const Tensor counts = at::zeros_like(out);
    for (int64_t step = 0; step < question.steps(); ++step) {
      const int64_t seen = sliding.source ? rows : question.first + step;
      const int64_t count = window_count(seen, sliding.size, sliding.stride);
      for (size_t w = 0; w < windows.size(); ++w) {
        const Window& window = windows[w];
        if (window.source != sliding.source || window.first >= count * sliding.stride ||
            window.first >= seen)
          continue;
        const int64_t size = std::min(window.size, seen - window.first);
        out.select(1, step)
            .narrow(0, window.first, size)
            .add_(falls[static_cast<int64_t>(w)][step]);
        counts.select(1, step).narrow(0, window.first, size).add_(1);
      }
      if (!sliding.source)
        out.select(1, step)
            .narrow(0, seen, rows - seen)
            .fill_(std::numeric_limits<double>::quiet_NaN());
    }
    return out / counts.clamp_min(1);
  }
};

}  // namespace

void register_occlusion(MethodRegistry& registry) { registry.add<Occlusion>("occlusion"); }

}  // namespace inseq::methods
