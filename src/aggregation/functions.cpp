#include "aggregation/functions.h"

#include "step_functions/registry/step_function.h"

namespace inseq::aggregation {

namespace {

Tensor absmax(const Tensor& scores, int64_t axis, const Options&) {
  const Tensor place = scores.nan_to_num().abs().argmax(axis, /*keepdim=*/true);
  return scores.gather(axis, place).squeeze(axis);
}

NamedRegistry<AggregationFunction> make_functions() {
  NamedRegistry<AggregationFunction> out("aggregation function", "inseq attribute --help");
  out.add("mean",
          {"average", [](const Tensor& t, int64_t axis, const Options&) { return t.mean(axis); }});
  out.add("max", {"largest score", [](const Tensor& t, int64_t axis, const Options&) {
                    return std::get<0>(t.max(axis));
                  }});
  out.add("min", {"smallest score", [](const Tensor& t, int64_t axis, const Options&) {
                    return std::get<0>(t.min(axis));
                  }});
  out.add("sum",
          {"sum", [](const Tensor& t, int64_t axis, const Options&) { return t.sum(axis); }});
  out.add("prod",
          {"product", [](const Tensor& t, int64_t axis, const Options&) { return t.prod(axis); }});
  out.add("absmax", {"the score that is largest without its sign, with its sign", absmax});
  out.add("vnorm", {"length of the vector of scores (L2 norm)",
                    [](const Tensor& t, int64_t axis, const Options& options) {
                      return at::linalg_vector_norm(t, options.vnorm_order, axis);
                    }});
  return out;
}

}  // namespace

const NamedRegistry<AggregationFunction>& functions() {
  static const NamedRegistry<AggregationFunction> all = make_functions();
  return all;
}

const Reduce& span_function(const std::string& step_score) {
  // Scores that only Inseq computes; they come from its files.
  static const std::map<std::string, std::string> others = {{"contrast_prob", "prod"},
                                                            {"contrast_prob_diff", "prod"},
                                                            {"pcxmi", "sum"},
                                                            {"kl_divergence", "sum"},
                                                            {"mc_dropout_prob_avg", "prod"}};
  const auto& ours = step_functions::step_functions();
  const auto other = others.find(step_score);
  std::string name = ours.contains(step_score) ? ours.at(step_score).span_aggregation
                     : other != others.end()   ? other->second
                                               : "";
  if (name.empty()) name = "absmax";
  return functions().at(name).reduce;
}

}  // namespace inseq::aggregation
