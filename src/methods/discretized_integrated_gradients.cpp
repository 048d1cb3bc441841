// Discretized integrated gradients (Sanyal and Ren 2021): gradients along paths through the
// embeddings of other tokens.
#include "methods/paths/monotonic.h"
#include "methods/paths/straight_line.h"
#include "methods/registry/method.h"

namespace inseq::methods {
namespace {

/// The embeddings of a whole vocabulary: [vocab, hidden] a side; neighbours are searched in float32
/// or wider.
Sides vocabulary(const engine::Engine& engine, bool has_source) {
  const models::ModelSizes& sizes = engine.model().sizes();
  const Sides all =
      engine.model().embed({has_source ? at::arange(sizes.source_vocab, at::kLong) : Tensor(),
                            at::arange(sizes.vocab, at::kLong)});
  return by_side(all, all, [](const Tensor& x, const Tensor&) { return nn::widened(x); });
}

class DiscretizedIntegratedGradients : public Method {
 public:
  MethodInfo info() const override {
    return {
        .kind = AttributionKind::kGranular,
        .family = "gradient",
        .summary = "gradients summed along monotonic paths through the embeddings of other tokens",
        .paper = "Sanyal and Ren 2021, arXiv:2108.13654",
        .uses_baseline = true,
        .options = {
            {"n_steps", 50, "points on a path", {}, 2, 100000},
            {.name = "method",
             .fallback = "greedy",
             .summary = "choice of the next word: the one nearest to a monotonic path (greedy), or "
                        "with most monotonic units (maxcount)",
             .choices = {"greedy", "maxcount"}},
            {"n_neighbors", 50, "nearest words to choose from", {}, 1},
            points_at_once_option(),
            multiplied_option(false),
            deltas_option()}};
  }

  engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                           const Json& options) const override {
    check_baselines(question, "discretized_integrated_gradients");
    const Sides paths = paths_of(engine, question, options);  // [points, tokens, hidden] a side
    const auto points = options.at("n_steps").get<int64_t>();
    const bool multiplied = options.at("multiply_by_inputs").get<bool>();
    const auto point = [&](const engine::Inputs& inputs, int64_t i) {
      // Groups of steps see the first tokens of the text.
      const auto at_index = [&](int64_t index) {
        return by_side(inputs.embeddings, paths, [&](const Tensor& x, const Tensor& path) {
          return path.defined() ? path[index].narrow(0, 0, x.size(0)) : x;
        });
      };
      const Sides here = at_index(i), next = at_index(i + 1);
      Sides factors = by_side(next, here, [](const Tensor& a, const Tensor& b) { return a - b; });
      if (multiplied) {
        const Sides change =
            by_side(at_index(points - 1), at_index(0), [](auto& a, auto& b) { return a - b; });
        factors = by_side(factors, change, [](auto& a, auto& b) { return a * b; });
      }
      const auto type = inputs.embeddings.target.scalar_type();
      const Sides embeddings = by_side(here, here, [type](auto& x, auto&) { return x.to(type); });
      return engine::PathPoint{attributed_sides(question, inputs, embeddings), factors};
    };
    // The last point, the text itself, has no way before it.
    engine::Answer answer = engine.gradients(
        question,
        {.points = points - 1, .points_at_once = points_at_once(options), .point = point});
    add_deltas(engine, question, options, answer);
    return answer;
  }

 private:
  static Sides paths_of(const engine::Engine& engine, const engine::Question& question,
                        const Json& options) {
    const bool has_source = question.ids.source.defined();
    const Sides tables = vocabulary(engine, has_source);
    const MonotonicRule rule{.points = options.at("n_steps").get<int64_t>(),
                             .strategy = options.at("method").get<std::string>(),
                             .fixed = question.special.all};
    const auto side = [&](const Tensor& table, const Tensor& ids, const Tensor& baselines) {
      Neighbours neighbours(table, options.at("n_neighbors").get<int64_t>());
      return monotonic_paths(neighbours, ids, baselines, rule);
    };
    Sides out;
    if (has_source)
      out.source = side(tables.source, question.ids.source, question.baseline_ids.source);
    if (question.attributes_target()) {
      const int64_t tokens = question.last - 1;
      out.target = side(tables.target, question.ids.target.narrow(0, 0, tokens),
                        question.baseline_ids.target.narrow(0, 0, tokens));
    }
    return out;
  }
};

}  // namespace

void register_discretized_integrated_gradients(MethodRegistry& registry) {
  registry.add<DiscretizedIntegratedGradients>("discretized_integrated_gradients");
}

}  // namespace inseq::methods
