// GradientSHAP (Lundberg and Lee 2017): gradients at random points of the line from a baseline to
// the inputs.
#include "methods/paths/random.h"
#include "methods/paths/straight_line.h"
#include "methods/registry/method.h"

namespace inseq::methods {
namespace {

class GradientShap : public Method {
 public:
  MethodInfo info() const override {
    return {
        .kind = AttributionKind::kGranular,
        .family = "gradient",
        .summary = "gradients at random points between a baseline and the embeddings",
        .paper = "Lundberg and Lee 2017, arXiv:1705.07874",
        .uses_baseline = true,
        .options = {{"n_samples", 5, "random points", {}, 1, 100000},
                    {"stdevs", 0.0, "standard deviation of noise added to the embeddings",
                     Json::value_t::number_float, 0},
                    multiplied_option(),
                    {"seed", 0, "of the random points; the same seed gives the same result", {}, 0},
                    deltas_option()}};
  }
  engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                           const Json& options) const override {
    check_baselines(question, "gradient_shap");
    const auto samples = options.at("n_samples").get<int64_t>();
    const auto stdev = options.at("stdevs").get<double>();
    const bool multiplied = options.at("multiply_by_inputs").get<bool>();
    const auto seed = options.at("seed").get<uint64_t>();
    // Every sample has a random stream of its own, so that the order of work changes nothing.
    const auto point = [&](const engine::Inputs& given, int64_t i) {
      at::Generator random = random_stream(seed, static_cast<uint64_t>(i));
      const double alpha = at::rand({1}, random, at::kDouble).item<double>();
      engine::Inputs noisy = given;
      if (stdev > 0) {
        const auto add_noise = [&](Tensor& x) {
          if (x.defined()) x = x + stdev * at::randn(x.sizes(), random, at::kFloat).to(x.options());
        };
        add_noise(noisy.embeddings.source);
        if (question.attributes_target()) add_noise(noisy.embeddings.target);
      }
      return point_between(question, noisy, alpha, 1.0 / static_cast<double>(samples), multiplied);
    };
    engine::Answer answer = engine.gradients(question, {.points = samples, .point = point});
    add_deltas(engine, question, options, answer);
    return answer;
  }
};

}  // namespace

void register_gradient_shap(MethodRegistry& registry) {
  registry.add<GradientShap>("gradient_shap");
}

}  // namespace inseq::methods
