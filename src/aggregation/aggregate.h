#pragma once
#include <string>
#include <vector>

#include "aggregation/options.h"

namespace inseq::aggregation {

/// One step of a pipeline: an aggregator with an aggregation function in place of its default, or
/// an aggregation function alone, which stands for the aggregator "scores" with it.
struct Step {
  std::string name;      ///< "scores", "subwords", …, or "mean", "vnorm", …
  std::string function;  ///< only with an aggregator; empty: its default
};

/// The pipeline that brings this sequence to one score per token and step; empty when it is there
/// already.
std::vector<Step> default_pipeline(const SequenceAttribution& sequence);

/// The pipeline of these names. Throws InvalidOption, offering the nearest name, for unknown
/// ones.
std::vector<Step> pipeline_of(const std::vector<std::string>& names);

/// Runs a pipeline over a sequence.
SequenceAttribution aggregate(const SequenceAttribution& sequence,
                              const std::vector<Step>& pipeline, const Options& options = {});
/// Runs the default pipeline of the sequence.
SequenceAttribution aggregate(const SequenceAttribution& sequence);
/// Runs the default pipeline of every sequence. Steps stay as they are.
AttributionOutput aggregate(const AttributionOutput& output);

/// What the command line's aggregation options say, under the names they have there.
struct CommandLineAggregation {
  std::vector<std::string> attribution_aggregators;  ///< empty: the default pipeline
  std::vector<int64_t> attribution_selectors;        ///< one index of the last axis per aggregator
  bool normalize_attributions = false;
  bool rescale_attributions = false;
};

/// Aggregates as Inseq's `attribute` command does before saving. With selectors, each is paired
/// with an aggregator, and what is left over on either side is not used. Without them,
/// rescale_attributions has no effect.
AttributionOutput aggregate(const AttributionOutput& output, const CommandLineAggregation& options);

}  // namespace inseq::aggregation
