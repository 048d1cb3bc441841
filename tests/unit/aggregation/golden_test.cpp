// Every aggregation of tests/golden/json, against what Inseq made of the same file.
#include <gtest/gtest.h>

#include "aggregation/aggregate.h"
#include "inseq/error.h"
#include "io/attribution_json.h"
#include "io/file.h"
#include "io/python_json.h"

namespace inseq::aggregation {
namespace {

const std::string kFolder = std::string(INSEQ_TEST_DIR) + "/golden/json/";

std::vector<std::string> strings(const Json& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return {value.get<std::string>()};
  return value.get<std::vector<std::string>>();
}

Json field(const Json& arguments, const char* name) {
  return arguments.contains(name) ? arguments[name] : Json();
}

bool flag(const Json& arguments, const char* name, bool otherwise) {
  return arguments.contains(name) ? arguments[name].get<bool>() : otherwise;
}

std::vector<Span> spans(const Json& value) {
  std::vector<Span> out;
  for (const Json& span : value) out.emplace_back(span[0], span[1]);
  return out;
}

AttributionOutput on_command_line(const AttributionOutput& raw, const Json& arguments) {
  CommandLineAggregation options;
  options.attribution_aggregators = strings(field(arguments, "aggregators"));
  if (arguments.contains("selectors"))
    options.attribution_selectors = arguments["selectors"].get<std::vector<int64_t>>();
  options.normalize_attributions = flag(arguments, "normalize_attributions", false);
  options.rescale_attributions = flag(arguments, "rescale_attributions", false);
  return aggregate(raw, options);
}

/// What Inseq's aggregate() with these arguments is here.
AttributionOutput aggregated(const AttributionOutput& raw, const Json& arguments,
                             const AttributionOutput& pair) {
  if (flag(arguments, "command_line", false)) return on_command_line(raw, arguments);
  if (arguments.empty()) return aggregate(raw);
  std::vector<Step> pipeline = pipeline_of(strings(field(arguments, "aggregator")));
  const std::vector<std::string> functions = strings(field(arguments, "aggregate_fn"));
  for (size_t i = 0; i < functions.size(); ++i) pipeline[i].function = functions[i];
  Options options;
  options.check_result = false;
  if (!flag(arguments, "normalize", true)) options.scaling = Scaling::kNone;
  if (flag(arguments, "rescale", false)) options.scaling = Scaling::kRescale;
  const Json select = field(arguments, "select_idx");
  if (select.is_number()) options.select = select.get<int64_t>();
  if (select.is_array()) options.select = Span{select[0], select[1]};
  options.source_spans = spans(field(arguments, "source_spans"));
  options.target_spans = spans(field(arguments, "target_spans"));
  AttributionOutput out = raw;
  for (size_t i = 0; i < out.sequences.size(); ++i) {
    if (arguments.contains("paired")) options.paired = &pair.sequences.at(i);
    out.sequences[i] = aggregate(raw.sequences[i], pipeline, options);
  }
  return out;
}

void expect_same(const char* what, const Tensor& found, const Tensor& expected) {
  ASSERT_EQ(found.defined(), expected.defined()) << what;
  if (!found.defined()) return;
  ASSERT_EQ(found.sizes(), expected.sizes()) << what;
  EXPECT_TRUE(at::allclose(found, expected, 1e-6, 1e-9, /*equal_nan=*/true)) << what;
}

void expect_same(const std::map<std::string, Tensor>& found,
                 const std::map<std::string, Tensor>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, tensor] : expected) expect_same(name.c_str(), found.at(name), tensor);
}

TEST(AggregationGolden, AgreesWithInseq) {
  const Json all =
      io::parse_python_json(io::read_text(kFolder + "aggregated/arguments.json"), "arguments.json");
  const AttributionOutput pair = io::load_attribution(kFolder + "raw/granular_pair.json.gz");
  size_t compared = 0;
  for (const auto& [file, aggregations] : all.items()) {
    const AttributionOutput raw = io::load_attribution(kFolder + "raw/" + file + ".json.gz");
    for (const auto& [name, arguments] : aggregations.items()) {
      SCOPED_TRACE(file + "." + name);
      const AttributionOutput expected =
          io::load_attribution(kFolder + "aggregated/" + file + "." + name + ".json.gz");
      const AttributionOutput found = aggregated(raw, arguments, pair);
      ASSERT_EQ(found.sequences.size(), expected.sequences.size());
      for (size_t i = 0; i < found.sequences.size(); ++i) {
        const SequenceAttribution &a = found.sequences[i], &b = expected.sequences[i];
        EXPECT_EQ(a.kind, b.kind);
        EXPECT_EQ(a.source, b.source);
        EXPECT_EQ(a.target, b.target);
        EXPECT_EQ(a.attr_pos_start, b.attr_pos_start);
        EXPECT_EQ(a.attr_pos_end, b.attr_pos_end);
        EXPECT_EQ(a.aggregator, b.aggregator);
        expect_same("source attributions", a.source_attributions, b.source_attributions);
        expect_same("target attributions", a.target_attributions, b.target_attributions);
        expect_same(a.step_scores, b.step_scores);
        expect_same(a.sequence_scores, b.sequence_scores);
        ++compared;
      }
    }
  }
  EXPECT_GE(compared, 60U);
}

}  // namespace
}  // namespace inseq::aggregation
