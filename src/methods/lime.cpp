// LIME (Ribeiro et al. 2016): a linear model of the score over texts in which tokens are masked at
// random.
#include "inseq/error.h"
#include "methods/features/groups.h"
#include "methods/paths/random.h"
#include "methods/registry/method.h"
#include "methods/surrogate/linear_model.h"

namespace inseq::methods {
namespace {

using engine::Sides;

/// What stands in the place of masked tokens, and how far each token is from it.
struct Masking {
  Tensor value;       // [hidden]
  Tensor difference;  // [tokens, hidden] float64: embedding - value
  Tensor equal;       // [tokens] float64: units that masking leaves as they are
};

/// One draw of masks for all steps: a step's mask is the beginning of it.
struct Draws {
  Tensor kept;                                      // [samples, tokens of both sides] float64
  std::vector<engine::Perturbation> perturbations;  // one a sample
};

int64_t id_of(const engine::Question& question, const std::string& token) {
  const int64_t id = token == "pad" ? question.special.pad : question.special.unk;
  INSEQ_CHECK(id >= 0, InvalidArgument, "option \"mask_token\" is \"", token,
              "\", but the tokenizer has no such token");
  return id;
}

Tensor mask_value(const engine::Engine& engine, const engine::Question& question,
                  const Json& options, const Tensor& embeddings, bool source) {
  const std::string kind = options.at("mask_value").get<std::string>();
  if (kind == "zero") return at::zeros({embeddings.size(1)}, embeddings.options());
  const int64_t id = id_of(question, options.at("mask_token").get<std::string>());
  if (kind == "id")
    return at::full({embeddings.size(1)}, static_cast<double>(id), embeddings.options());
  const Tensor ids = at::tensor({id}, at::kLong);
  const Sides row = engine.model().embed({question.ids.source.defined() ? ids : Tensor(), ids});
  return (source ? row.source : row.target)[0];
}

Masking masking_of(const engine::Engine& engine, const engine::Question& question,
                   const Json& options, const Tensor& embeddings, bool source) {
  Masking m;
  m.value = mask_value(engine, question, options, embeddings, source);
  m.difference = (embeddings - m.value).to(at::kCPU, at::kDouble);
  m.equal = m.difference.eq(0).sum(1).to(at::kDouble);
  return m;
}

/// What a feature of 0 or 1 per token must be multiplied with, so that the penalty on its
/// coefficient is that on coefficients of all hidden units: they are proportional to `difference`
/// for ridge and least squares, and in the unit of the greatest difference for the lasso. [tokens]
Tensor scale_of(const Tensor& difference, bool lasso) {
  return lasso ? difference.abs().amax(1) : at::linalg_vector_norm(difference, 2, 1);
}

/// Coefficients of the hidden units from one coefficient a token: [tokens] -> [tokens, hidden].
Tensor spread(const Tensor& coefficients, const Tensor& difference, bool lasso) {
  const Tensor scale = scale_of(difference, lasso).unsqueeze(1);
  if (!lasso) return coefficients.unsqueeze(1) * difference / scale.clamp_min(1e-300);
  const Tensor at_most = difference.abs().argmax(1, /*keepdim=*/true);
  const Tensor signs = difference.gather(1, at_most).sign();
  return at::zeros_like(difference).scatter(1, at_most, signs * coefficients.unsqueeze(1));
}

class Lime : public Method {
 public:
  MethodInfo info() const override {
    return {
        .kind = AttributionKind::kGranular,
        .family = "perturbation",
        .summary = "coefficients of a linear model fitted to scores of randomly masked texts",
        .paper = "Ribeiro et al. 2016, arXiv:1602.04938",
        .options = {
            {"n_samples", 50, "masked texts, the same for all steps", {}, 1, 1000000},
            {"mask_prob", 0.3, "probability that a token is masked", {}, 0, 1},
            {.name = "mask_token",
             .fallback = "unk",
             .summary = "token that masks",
             .choices = {"unk", "pad"}},
            {.name = "mask_value",
             .fallback = "id",
             .summary =
                 "embedding of masked tokens: the id of mask_token as a number in all units (as "
                 "Inseq), "
                 "the embedding of mask_token, or zero",
             .choices = {"id", "embedding", "zero"}},
            {.name = "interpretable_model",
             .fallback = "ridge",
             .summary = "linear model",
             .choices = {"ridge", "lasso", "linear"}},
            {"alpha", 1.0, "strength of the penalty of ridge and lasso", {}, 0},
            feature_mask_option(),
            {"perturbations_per_eval", 1, "accepted for Inseq's sake; has no effect", {}, 1},
            {"seed", 0, "of the masks; the same seed gives the same result", {}, 0}}};
  }

  engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                           const Json& options) const override {
    engine::Answer answer =
        question.step_scores.empty() ? engine::Answer{} : engine.scores(question);
    const engine::Inputs inputs = engine.inputs(question);
    Masking source, target;
    if (question.ids.source.defined())
      source = masking_of(engine, question, options, inputs.embeddings.source, true);
    if (question.attributes_target())
      target = masking_of(engine, question, options, inputs.embeddings.target, false);
    const Draws draws = draw(question, options, source, target);
    const Tensor scores =
        engine.perturbed(question, draws.perturbations).to(at::kDouble);  // [samples, steps]
    const LinearFit fit{options.at("interpretable_model").get<std::string>(),
                        options.at("alpha").get<double>()};
    for (int64_t step = 0; step < question.steps(); ++step) {
      const Sides found = explain_step(fit, draws.kept, scores.select(1, step),
                                       question.first + step, source, target);
      if (found.source.defined()) place(question, step, found.source, true, answer);
      if (found.target.defined()) place(question, step, found.target, false, answer);
    }
    return answer;
  }

 private:
  static int64_t tokens_of(const Masking& side) {
    return side.difference.defined() ? side.difference.size(0) : 0;
  }

  static Draws draw(const engine::Question& question, const Json& options, const Masking& source,
                    const Masking& target) {
    const auto samples = options.at("n_samples").get<int64_t>();
    const auto mask_prob = options.at("mask_prob").get<double>();
    const auto seed = options.at("seed").get<uint64_t>();
    const std::vector<Feature> features = features_of(question, options.at("feature_mask"));
    const int64_t before = tokens_of(source);
    Draws out;
    out.kept = at::ones({samples, before + tokens_of(target)}, at::kDouble);
    for (int64_t i = 0; i < samples; ++i) {
      at::Generator random = random_stream(seed, static_cast<uint64_t>(i));
      const Tensor chances = at::rand({static_cast<int64_t>(features.size())}, random, at::kDouble);
      engine::Perturbation edits;
      for (size_t f = 0; f < features.size(); ++f) {
        if (chances.data_ptr<double>()[f] >= mask_prob) continue;
        for (const int64_t token : features[f].tokens) {
          const bool of_source = features[f].source;
          edits.push_back({of_source, token, of_source ? source.value : target.value});
          out.kept[i][of_source ? token : before + token] = 0;
        }
      }
      out.perturbations.push_back(std::move(edits));
    }
    return out;
  }

  /// Coefficients at the step that sees `seen` target tokens: [tokens, hidden] a side.
  static Sides explain_step(const LinearFit& fit, const Tensor& kept, const Tensor& scores,
                            int64_t seen, const Masking& source, const Masking& target) {
    const bool lasso = fit.kind == "lasso";
    const int64_t before = tokens_of(source);
    std::vector<Tensor> differences, equal;
    if (before > 0) {
      differences.push_back(source.difference);
      equal.push_back(source.equal);
    }
    if (tokens_of(target) > 0) {
      differences.push_back(target.difference.narrow(0, 0, seen));
      equal.push_back(target.equal.narrow(0, 0, seen));
    }
    const Tensor difference = at::cat(differences);  // [tokens, hidden]
    const Tensor masks = kept.narrow(1, 0, difference.size(0));
    const auto hidden = static_cast<double>(difference.size(1));
    // Similarity: the number of embedding units that are as in the text.
    const Tensor weights = hidden * masks.sum(1) + (1 - masks).mv(at::cat(equal));
    const Tensor scale = scale_of(difference, lasso);
    const Tensor all =
        spread(fit_linear(fit, masks * scale.unsqueeze(0), scores, weights), difference, lasso);
    return {before > 0 ? all.narrow(0, 0, before) : Tensor(),
            tokens_of(target) > 0 ? all.narrow(0, before, seen) : Tensor()};
  }

  /// found: [tokens, hidden] of one step.
  static void place(const engine::Question& question, int64_t step, const Tensor& found,
                    bool source, engine::Answer& answer) {
    const bool reduced = question.detail == engine::Detail::kPerToken;
    const Tensor shaped = reduced ? at::linalg_vector_norm(found, 2, -1, /*keepdim=*/true) : found;
    Tensor& result = source ? answer.source : answer.target;
    if (!result.defined()) {
      result = at::full({source ? found.size(0) : question.last, question.steps(), shaped.size(1)},
                        std::numeric_limits<float>::quiet_NaN(), at::kFloat);
    }
    result.narrow(0, 0, shaped.size(0)).select(1, step).copy_(shaped);
  }
};

}  // namespace

void register_lime(MethodRegistry& registry) { registry.add<Lime>("lime"); }

}  // namespace inseq::methods
