#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "inseq/attribution.h"

namespace inseq::test {

/// A call of Inseq: a file of tests/golden/cases.
struct GoldenCase {
  std::string name;
  std::string about;
  std::string model;  ///< of tests/golden/models, "default", or a "demo:" model
  std::string method;
  std::string task;  ///< "attribute" or "generate"
  std::vector<std::string> input_texts;
  std::optional<std::vector<std::string>> generated_texts;
  Json load = Json::object();  ///< arguments of loading: "tokenizer_kwargs"
  Json arguments;              ///< the other arguments, by Inseq's names
  double bound = 0;            ///< greatest normalised error
  std::string oddity;          ///< why Inseq's own answer is not the one to give; empty where it is
};

/// A sequence of the answer to give: tokens and positions, and its tensors by name
/// ("target_attributions", "step_scores.probability", "aggregated.target_attributions", …).
struct GoldenSequence {
  AttributionKind kind = AttributionKind::kPlain;
  std::vector<Token> source, target;
  int64_t attr_pos_start = 0, attr_pos_end = 0;
  std::map<std::string, Tensor> tensors;
};

/// A continued text.
struct GoldenText {
  std::vector<int64_t> ids;  ///< prompt included
  std::string text;
  std::vector<int64_t> source;  ///< of the encoder; empty where there is no score
  std::optional<double> score;  ///< of the beam
};

/// What Inseq answered, or the right answer where Inseq has an oddity.
struct GoldenAnswer {
  std::vector<GoldenSequence> sequences;
  std::vector<std::string> generated_texts;
  std::vector<GoldenSequence>
      steps;  ///< single steps, of cases with one text: prefix in `source`, target
  std::vector<GoldenText> generated;  ///< of cases whose task is "generate"
  Json info = Json::object();         ///< empty for answers put together from several calls
};

/// All cases, sorted.
std::vector<std::string> golden_case_names();
GoldenCase read_golden_case(const std::string& name);
GoldenAnswer read_golden_answer(const GoldenCase& golden);

/// All tensors of a safetensors file of tests/golden; none when there is no such file.
std::map<std::string, Tensor> read_golden_tensors(const std::string& file);

/// max |found - expected| / max |expected| where neither is NaN; infinite when shapes or places of
/// NaNs differ.
double normalised_error(const Tensor& found, const Tensor& expected);

/// What of `found` is not as in `expected`, one sentence each; empty when they agree to `bound`.
std::vector<std::string> differences(const AttributionOutput& found, const GoldenAnswer& expected,
                                     double bound);

}  // namespace inseq::test
