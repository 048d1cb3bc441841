#include "aggregation/aggregate.h"

#include "aggregation/aggregators.h"
#include "data/attribution_axes.h"

namespace inseq::aggregation {

namespace {

struct Resolved {
  const Aggregator* aggregator;
  const Reduce* reduce;  // nullptr: the aggregator's defaults
};

Resolved resolve(const Step& step) {
  if (aggregators().contains(step.name)) {
    const Aggregator& aggregator = aggregators().at(step.name);
    if (step.function.empty()) return {&aggregator, nullptr};
    return {&aggregator, &functions().at(step.function).reduce};
  }
  INSEQ_CHECK(step.function.empty(), InvalidArgument, "the aggregation function \"", step.name,
              "\" cannot be combined with a second one, \"", step.function, "\"");
  if (functions().contains(step.name)) {
    return {&aggregators().at("scores"), &functions().at(step.name).reduce};
  }
  std::vector<std::string> names = aggregators().names();
  const std::vector<std::string> more = functions().names();
  names.insert(names.end(), more.begin(), more.end());
  throw InvalidOption(concat("unknown aggregator \"", step.name, "\"",
                             did_you_mean(step.name, names), " (", join_choices(names),
                             " are known)"));
}

/// Brings the fields that describe the sequence in line with its tensors.
void settle(SequenceAttribution& sequence) {
  sequence.attr_pos_end =
      std::min(sequence.attr_pos_end, static_cast<int64_t>(sequence.target.size()));
  const int64_t trailing = data::trailing_axes(sequence);
  sequence.num_dimensions = sequence.kind == AttributionKind::kMultiDimensional ? trailing : 0;
  sequence.aggregator = data::default_aggregators(sequence.kind, trailing);
}

Scaling command_line_scaling(const CommandLineAggregation& options) {
  INSEQ_CHECK(!options.normalize_attributions || !options.rescale_attributions, InvalidArgument,
              "attributions can be normalized or rescaled, not both");
  if (options.normalize_attributions) return Scaling::kNormalize;
  return options.rescale_attributions ? Scaling::kRescale : Scaling::kNone;
}

template <typename Change>
AttributionOutput for_each_sequence(const AttributionOutput& output, const Change& change) {
  AttributionOutput out = output;
  for (SequenceAttribution& sequence : out.sequences) sequence = change(sequence);
  return out;
}

}  // namespace

std::vector<Step> pipeline_of(const std::vector<std::string>& names) {
  std::vector<Step> pipeline;
  for (const std::string& name : names) {
    pipeline.push_back({name, ""});
    resolve(pipeline.back());
  }
  return pipeline;
}

std::vector<Step> default_pipeline(const SequenceAttribution& sequence) {
  const int64_t trailing = data::trailing_axes(sequence);
  if (trailing == 0) return {};
  if (!sequence.aggregator.empty()) return pipeline_of(sequence.aggregator);
  return pipeline_of(data::default_aggregators(sequence.kind, trailing));
}

SequenceAttribution aggregate(const SequenceAttribution& sequence,
                              const std::vector<Step>& pipeline, const Options& options) {
  std::vector<Resolved> steps;
  for (const Step& step : pipeline) steps.push_back(resolve(step));
  check_compatible(sequence);
  for (const Resolved& step : steps) step.aggregator->check(sequence, options);
  SequenceAttribution out = sequence;
  bool must_end_plain = false;
  for (const Resolved& step : steps) {
    out = step.aggregator->apply(out, options, step.reduce);
    settle(out);
    check_compatible(out);
    must_end_plain = must_end_plain || step.aggregator->must_end_plain;
  }
  if (options.check_result && must_end_plain) check_plain(out);
  return out;
}

SequenceAttribution aggregate(const SequenceAttribution& sequence) {
  return aggregate(sequence, default_pipeline(sequence));
}

AttributionOutput aggregate(const AttributionOutput& output) {
  return for_each_sequence(output, [](const SequenceAttribution& s) { return aggregate(s); });
}

AttributionOutput aggregate(const AttributionOutput& output,
                            const CommandLineAggregation& settings) {
  const std::vector<Step> pipeline = pipeline_of(settings.attribution_aggregators);
  if (settings.attribution_selectors.empty() || pipeline.empty()) {
    Options options;
    options.scaling = settings.normalize_attributions ? Scaling::kNormalize : Scaling::kNone;
    return for_each_sequence(output, [&](const SequenceAttribution& s) {
      return aggregate(s, pipeline.empty() ? default_pipeline(s) : pipeline, options);
    });
  }
  Options options;
  options.scaling = command_line_scaling(settings);
  options.check_result = false;
  return for_each_sequence(output, [&](SequenceAttribution s) {
    for (size_t i = 0; i < std::min(pipeline.size(), settings.attribution_selectors.size()); ++i) {
      options.select = settings.attribution_selectors[i];
      s = aggregate(s, {pipeline[i]}, options);
    }
    return s;
  });
}

}  // namespace inseq::aggregation
