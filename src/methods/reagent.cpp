// ReAGent (Zhao and Shan 2024): what the probability of a token loses when tokens before it are
// replaced by random ones, until the most important ones alone let the model predict it.
#include "inseq/error.h"
#include "methods/features/groups.h"
#include "methods/paths/random.h"
#include "methods/registry/method.h"
#include "methods/sampling/token_sampler.h"
#include "step_functions/registry/step_function.h"

namespace inseq::methods {
namespace {

using engine::Sides;

/// The options. Features are tokens, or groups of tokens that are replaced together.
struct Probing {
  int64_t probes, most_rounds, top_k, keep_top_n;
  double keep_ratio, replacing_ratio;
  bool invert_keep;
  Replacements replacements;
  Json feature_mask;
  uint64_t seed;

  /// Of `features` features, how many count as important.
  int64_t important(int64_t features) const {
    const auto share = static_cast<int64_t>(std::ceil(keep_ratio * static_cast<double>(features)));
    return std::min(features, keep_top_n > 0 ? keep_top_n : share);
  }
};

Probing probing_of(const Json& options) {
  const Json& ratio = options.at("keep_ratio");
  const auto top_n = options.at("keep_top_n").get<int64_t>();
  INSEQ_CHECK(top_n > 0 || !ratio.is_null(), InvalidArgument,
              "option \"keep_top_n\" is 0, so \"keep_ratio\" is needed: a number from 0 to 1");
  return {.probes = options.at("num_probes").get<int64_t>(),
          .most_rounds = options.at("max_probe_steps").get<int64_t>(),
          .top_k = options.at("stopping_condition_top_k").get<int64_t>(),
          .keep_top_n = top_n,
          .keep_ratio = ratio.is_null() ? 0.0 : ratio.get<double>(),
          .replacing_ratio = options.at("replacing_ratio").get<double>(),
          .invert_keep = options.at("invert_keep").get<bool>(),
          .replacements = options.at("sampler") == "uniform" ? Replacements::kAny
                                                             : Replacements::kSamePartOfSpeech,
          .feature_mask = options.at("feature_mask"),
          .seed = options.at("seed").get<uint64_t>()};
}

/// 1 where the target is among the `k` most likely tokens.
step_functions::BoundFunction among_first(int64_t k) {
  const auto hit = [](const step_functions::StepInputs& in) {
    const Tensor own = in.logits.gather(1, in.target_ids.unsqueeze(1));
    return in.logits.gt(own).sum(1).lt(in.options.at("k").get<int64_t>()).to(at::kFloat);
  };
  return {hit, {{"k", k}}};
}

/// The probes of all steps. Tokens are those of the source, where there is one, and then those of
/// the target, where it is attributed.
class Probes {
 public:
  Probes(const engine::Engine& engine, engine::Question question, const Probing& options)
      : engine_(engine),
        question_(std::move(question)),
        options_(options),
        source_(question_.ids.source.defined() ? question_.ids.source.size(0) : 0),
        ids_(tokens_of(question_)),
        features_(features_of(question_, options.feature_mask)),
        feature_of_(features_of_tokens()),
        sampler_(question_, engine.model().sizes(), ids_, source_, options.replacements) {
    question_.attributed_function = step_functions::bind("probability", Json::object());
    question_.step_scores.clear();
    at::Generator random = random_stream(options_.seed, 0);
    importance_ = at::rand({steps(), options_.probes, features()}, random, at::kDouble);
    going_ = at::ones({steps(), options_.probes}, at::kBool);
    original_ = engine_.part(0, steps() + 1, "steps").perturbed(question_, {{}}).to(at::kDouble);
  }

  void run() {
    for (int64_t round = 1; round <= options_.most_rounds; ++round) {
      at::Generator random = random_stream(options_.seed, static_cast<uint64_t>(round));
      const int64_t done = going_.any(1).logical_not().sum().item<int64_t>();
      const engine::Engine part = engine_.part(done, steps() + 1, "steps");
      update(part, random);
      stop(part, random);
      if (!going_.any().item<bool>()) break;
    }
  }

  /// Mean importance of the tokens at a step over the probes that stopped, or over all if none
  /// did; tokens have that of their feature: [tokens that it sees].
  Tensor mean_importance(int64_t step) const {
    const Tensor scores = importance_[step].narrow(1, 0, features_seen(step)).softmax(-1);
    const Tensor stopped = going_[step].logical_not().to(at::kDouble);
    const Tensor weights = stopped.any().item<bool>() ? stopped : at::ones_like(stopped);
    return of_tokens(weights.unsqueeze(0).mm(scores).squeeze(0) / weights.sum(), seen(step));
  }

  int64_t source() const { return source_; }

 private:
  static Tensor tokens_of(const engine::Question& question) {
    std::vector<Tensor> ids;
    if (question.ids.source.defined()) ids.push_back(question.ids.source);
    if (question.attributes_target())
      ids.push_back(question.ids.target.narrow(0, 0, question.last - 1));
    return at::cat(ids);
  }

  /// The index of each token's feature: [tokens] int64.
  Tensor features_of_tokens() const {
    const Tensor out = at::empty({ids_.size(0)}, at::kLong);
    for (size_t i = 0; i < features_.size(); ++i) {
      for (const int64_t token : features_[i].tokens)
        out[(features_[i].source ? 0 : source_) + token] = static_cast<int64_t>(i);
    }
    return out;
  }

  int64_t steps() const { return question_.steps(); }
  int64_t features() const { return static_cast<int64_t>(features_.size()); }
  /// Tokens before a step's position.
  int64_t seen(int64_t step) const {
    return source_ + (question_.attributes_target() ? question_.first + step : 0);
  }
  /// Features with a token among them: the first ones, as features are in the order of theirs.
  int64_t features_seen(int64_t step) const {
    return feature_of_.narrow(0, 0, seen(step)).max().item<int64_t>() + 1;
  }
  /// From the last axis' features to the first `count` tokens.
  Tensor of_tokens(const Tensor& of_features, int64_t count) const {
    return of_features.index_select(-1, feature_of_.narrow(0, 0, count));
  }

  /// Replaces features at random, the same for all steps. Those whose replacement lowers the
  /// probability gain importance, the others lose as much.
  void update(const engine::Engine& engine, at::Generator& random) {
    const std::vector<int64_t> shape = {options_.probes, features()};
    const Tensor replaced = at::rand(shape, random, at::kDouble) < options_.replacing_ratio;
    const Tensor replaced_tokens = of_tokens(replaced, ids_.size(0));
    const Tensor drawn = sampler_.draw(options_.probes, ids_.size(0), random);
    const Tensor going = going_.any(0);
    std::vector<engine::Perturbation> perturbations;
    std::vector<int64_t> probes;
    for (int64_t probe = 0; probe < options_.probes; ++probe) {
      if (!going[probe].item<bool>()) continue;
      probes.push_back(probe);
      perturbations.push_back(edits(replaced_tokens[probe], drawn[probe]));
    }
    const Tensor scores = engine.perturbed(question_, perturbations).to(at::kDouble);
    const Tensor index = at::tensor(probes, at::kLong);
    // From [-1, 1] to a logit, whose sign turns with that of the loss.
    const Tensor logits = ((original_ - scores) * 0.5 + 0.5).logit(1e-9).t();  // [steps, going]
    const Tensor signs = at::where(replaced, 1.0, -1.0).index_select(0, index);
    const Tensor active = going_.index_select(1, index).to(at::kDouble);
    importance_.index_add_(1, index, (logits * active).unsqueeze(-1) * signs.unsqueeze(0));
  }

  engine::Perturbation edits(const Tensor& replaced, const Tensor& drawn) const {
    engine::Perturbation out;
    const auto add = [&](bool source, int64_t first, int64_t tokens) {
      const Tensor at_side = replaced.narrow(0, first, tokens).nonzero().squeeze(1);
      const Tensor words = drawn.narrow(0, first, tokens).index_select(0, at_side);
      const Sides ids = source ? Sides{words, question_.ids.target.narrow(0, 0, 1)}
                               : Sides{question_.ids.source, words};
      const Sides rows = engine_.model().embed(ids);
      for (int64_t i = 0; i < words.size(0); ++i)
        out.push_back(
            {source, at_side[i].item<int64_t>(), (source ? rows.source : rows.target)[i]});
    };
    if (source_ > 0) add(true, 0, source_);
    if (question_.attributes_target()) add(false, source_, ids_.size(0) - source_);
    return out;
  }

  /// Ends the probes whose most important features alone let the model predict the target.
  void stop(const engine::Engine& engine, at::Generator& random) {
    constexpr size_t kTextsAtOnce = 2048;
    std::vector<engine::ReplacedText> texts;
    std::vector<std::pair<int64_t, int64_t>> cells;  // step and probe
    const auto ask = [&] {
      const Tensor hits = engine.replaced(question_, texts, among_first(options_.top_k));
      for (size_t i = 0; i < cells.size(); ++i) {
        if (hits[static_cast<int64_t>(i)].item<float>() > 0)
          going_[cells[i].first][cells[i].second] = false;
      }
      texts.clear(), cells.clear();
    };
    for (int64_t step = 0; step < steps(); ++step) {
      for (int64_t probe = 0; probe < options_.probes; ++probe) {
        if (!going_[step][probe].item<bool>()) continue;
        texts.push_back(only_important(step, probe, random));
        cells.emplace_back(step, probe);
        if (texts.size() == kTextsAtOnce) ask();
      }
    }
    if (!texts.empty()) ask();
  }

  engine::ReplacedText only_important(int64_t step, int64_t probe, at::Generator& random) const {
    const int64_t tokens = seen(step), visible = features_seen(step);
    const int64_t position = question_.first + step;
    const Tensor top = std::get<1>(
        importance_[step][probe].narrow(0, 0, visible).topk(options_.important(visible)));
    const Tensor replaced = at::full({visible}, !options_.invert_keep, at::kBool)
                                .index_fill(0, top, options_.invert_keep ? 1 : 0);
    const Tensor ids = at::where(of_tokens(replaced, tokens), sampler_.draw(1, tokens, random)[0],
                                 ids_.narrow(0, 0, tokens));
    return {position,
            {source_ > 0 ? ids.narrow(0, 0, source_) : Tensor(),
             question_.attributes_target() ? ids.narrow(0, source_, position)
                                           : question_.ids.target.narrow(0, 0, position)}};
  }

  const engine::Engine& engine_;
  engine::Question question_;
  Probing options_;
  int64_t source_;  // tokens
  Tensor ids_;      // [tokens]
  std::vector<Feature> features_;
  Tensor feature_of_;  // [tokens] int64
  TokenSampler sampler_;
  Tensor original_;    // [1, steps] float64: probabilities of the targets
  Tensor importance_;  // [steps, probes, features] float64, logits
  Tensor going_;       // [steps, probes] bool
};

class Reagent : public Method {
 public:
  MethodInfo info() const override {
    return {.kind = AttributionKind::kGranular,
            .family = "perturbation",
            .summary = "probability lost when random tokens replace others, until a few suffice",
            .paper = "Zhao and Shan 2024, arXiv:2402.00794",
            .options = {{"keep_top_n", 5, "tokens that must suffice to predict the target", {}, 0},
                        {"keep_ratio", nullptr, "their share of all tokens, where keep_top_n is 0",
                         Json::value_t::number_float, 0, 1},
                        {"invert_keep", false, "these tokens are replaced, and the others kept"},
                        {"stopping_condition_top_k",
                         3,
                         "rank that counts as predicted: the target is among the k most likely",
                         {},
                         1},
                        {"replacing_ratio", 0.3, "share of tokens replaced in a probe", {}, 0, 1},
                        {"max_probe_steps", 3000, "rounds of a probe that never suffices", {}, 1},
                        {"num_probes", 16, "independent probes that are averaged", {}, 1, 100000},
                        {.name = "sampler",
                         .fallback = "part_of_speech",
                         .summary = "where replacements are drawn from: tokens that are the same "
                                    "part of speech in English, or all",
                         .choices = {"part_of_speech", "uniform"}},
                        feature_mask_option(),
                        {"seed", 0, "of all draws; the same seed gives the same result", {}, 0}},
            .uses_prediction = false};
  }

  engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                           const Json& options) const override {
    Probes probes(engine, question, probing_of(options));
    probes.run();
    engine::Answer answer =
        question.step_scores.empty() ? engine::Answer{} : engine.scores(question);
    for (int64_t step = 0; step < question.steps(); ++step) {
      const Tensor scores = probes.mean_importance(step);
      const int64_t source = probes.source();
      if (source > 0)
        place(engine, question, step, scores.narrow(0, 0, source), answer.source, source);
      if (question.attributes_target())
        place(engine, question, step, scores.narrow(0, source, scores.size(0) - source),
              answer.target, question.last);
    }
    return answer;
  }

 private:
  /// As in Inseq, every hidden unit gets the score of its token.
  static void place(const engine::Engine& engine, const engine::Question& question, int64_t step,
                    const Tensor& scores, Tensor& result, int64_t rows) {
    const bool reduced = question.detail == engine::Detail::kPerToken;
    const int64_t hidden = engine.model().sizes().hidden;
    if (!result.defined()) {
      result = at::full({rows, question.steps(), reduced ? 1 : hidden},
                        std::numeric_limits<float>::quiet_NaN(), at::kFloat);
    }
    const double norm = reduced ? std::sqrt(static_cast<double>(hidden)) : 1.0;
    result.narrow(0, 0, scores.size(0))
        .select(1, step)
        .copy_((scores * norm).unsqueeze(1).expand({-1, result.size(2)}));
  }
};

}  // namespace

void register_reagent(MethodRegistry& registry) { registry.add<Reagent>("reagent"); }

}  // namespace inseq::methods
