// What of an attribution is not as a golden answer says.
#include <optional>

#include "aggregation/aggregate.h"
#include "inseq/error.h"
#include "support/golden.h"

namespace inseq::test {
namespace {

using Problems = std::vector<std::string>;

template <typename T>
std::string show(const T& value) {
  return concat(value);
}
std::string show(const std::vector<Token>& tokens) {
  std::string out = "[";
  for (const Token& token : tokens)
    out += concat(out.size() > 1 ? " " : "", token.text, '#', token.id);
  return out + "]";
}
std::string show(AttributionKind kind) { return concat("kind ", static_cast<int>(kind)); }

template <typename T>
void expect_equal(const std::string& what, const T& found, const T& expected, Problems& problems) {
  if (found != expected)
    problems.push_back(concat(what, " is ", show(found), ", expected ", show(expected)));
}

/// The part of a sequence's results that a name means: "target_attributions",
/// "target_attributions.step3" (the rows that the step sees), "target_attributions.layer5" or
/// "step_scores.entropy". Undefined when there is none.
Tensor part_of(const SequenceAttribution& s, const std::string& name, const Tensor& expected) {
  const size_t dot = name.find('.');
  const std::string base = name.substr(0, dot),
                    rest = dot == std::string::npos ? "" : name.substr(dot + 1);
  if (base == "step_scores" || base == "sequence_scores") {
    const auto& scores = base == "step_scores" ? s.step_scores : s.sequence_scores;
    const auto it = scores.find(rest);
    return it == scores.end() ? Tensor() : it->second;
  }
  Tensor whole = base == "source_attributions" ? s.source_attributions : s.target_attributions;
  if (!whole.defined() || rest.empty()) return whole;
  const bool is_step = rest.starts_with("step");
  const int64_t index = std::stoll(rest.substr(is_step ? 4 : 5));
  const int64_t axis = is_step ? 1 : 2;
  if (whole.dim() <= axis || whole.size(axis) <= index) return Tensor();
  whole = whole.select(axis, index);
  return is_step && whole.size(0) >= expected.size(0) ? whole.narrow(0, 0, expected.size(0))
                                                      : whole;
}

/// The sequence aggregated as by default; when it is not fit for that, which is a problem, an empty
/// one.
SequenceAttribution aggregate(const std::string& where, const SequenceAttribution& sequence,
                              Problems& problems) {
  try {
    return aggregation::aggregate(sequence);
  } catch (const Error& error) {
    problems.push_back(concat(where, " cannot be aggregated: ", error.what()));
    return {};
  }
}

void compare_tensors(const std::string& where, const SequenceAttribution& found,
                     const GoldenSequence& expected, double bound, Problems& problems) {
  constexpr std::string_view kAggregated = "aggregated.";
  std::optional<SequenceAttribution> aggregated;
  for (const auto& [name, tensor] : expected.tensors) {
    const bool is_aggregated = name.starts_with(kAggregated);
    if (is_aggregated && !aggregated) aggregated = aggregate(where, found, problems);
    const Tensor ours = is_aggregated
                            ? part_of(*aggregated, name.substr(kAggregated.size()), tensor)
                            : part_of(found, name, tensor);
    const std::string what = concat(where, ' ', name);
    if (!ours.defined()) {
      problems.push_back(what + " is missing");
    } else if (ours.sizes() != tensor.sizes()) {
      problems.push_back(concat(what, " is ", ours.sizes(), ", expected ", tensor.sizes()));
    } else if (const double error = normalised_error(ours, tensor); error > bound) {
      problems.push_back(concat(what, " has the normalised error ", error, ", allowed is ", bound));
    }
  }
}

void compare_sequence(const std::string& where, const SequenceAttribution& found,
                      const GoldenSequence& expected, double bound, Problems& problems) {
  expect_equal(where + " kind", found.kind, expected.kind, problems);
  expect_equal(where + " source", found.source, expected.source, problems);
  expect_equal(where + " target", found.target, expected.target, problems);
  expect_equal(where + " attr_pos_start", found.attr_pos_start, expected.attr_pos_start, problems);
  expect_equal(where + " attr_pos_end", found.attr_pos_end, expected.attr_pos_end, problems);
  compare_tensors(where, found, expected, bound, problems);
}

void compare_steps(const AttributionOutput& found, const GoldenAnswer& expected, double bound,
                   Problems& problems) {
  if (expected.steps.empty()) return;
  const size_t count = found.steps ? found.steps->size() : 0;
  expect_equal("number of steps", count, expected.steps.size(), problems);
  for (size_t i = 0; i < std::min(count, expected.steps.size()); ++i) {
    const StepAttribution& step = (*found.steps)[i];
    const std::string where = concat("step ", i);
    if (step.prefix.size() != 1 || step.target.size() != 1) {
      problems.push_back(where + " is not of one sequence");
      continue;
    }
    expect_equal(where + " prefix", step.prefix[0], expected.steps[i].source, problems);
    expect_equal(where + " target", step.target[0], expected.steps[i].target, problems);
    SequenceAttribution tensors;
    tensors.target_attributions = step.target_attributions;
    tensors.source_attributions = step.source_attributions;
    tensors.step_scores = step.step_scores;
    compare_tensors(where, tensors, expected.steps[i], bound, problems);
  }
}

/// Entries of `info` that do not depend on how the work was batched.
void compare_info(const Json& found, const Json& expected, Problems& problems) {
  for (const char* key :
       {"attribution_method", "attributed_fn", "step_scores", "model_class", "tokenizer_class",
        "include_eos_baseline", "attribute_target", "output_step_attributions",
        "constrained_decoding", "generate_from_target_prefix", "input_texts"}) {
    if (!expected.contains(key)) continue;
    const Json ours = found.contains(key) ? found[key] : Json();
    expect_equal(concat("info ", key), ours.dump(), expected[key].dump(), problems);
  }
}

}  // namespace

std::vector<std::string> differences(const AttributionOutput& found, const GoldenAnswer& expected,
                                     double bound) {
  Problems problems;
  expect_equal("number of sequences", found.sequences.size(), expected.sequences.size(), problems);
  for (size_t i = 0; i < std::min(found.sequences.size(), expected.sequences.size()); ++i) {
    compare_sequence(concat("sequence ", i), found.sequences[i], expected.sequences[i], bound,
                     problems);
  }
  const Json texts =
      found.info.contains("generated_texts") ? found.info["generated_texts"] : Json();
  expect_equal("generated texts", texts.dump(), Json(expected.generated_texts).dump(), problems);
  compare_steps(found, expected, bound, problems);
  compare_info(found.info, expected.info, problems);
  return problems;
}

}  // namespace inseq::test
