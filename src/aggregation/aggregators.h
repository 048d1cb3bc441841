#pragma once
#include <functional>
#include <string>

#include "aggregation/functions.h"
#include "aggregation/options.h"
#include "base/registry.h"

namespace inseq::aggregation {

/// One step of an aggregation pipeline.
struct Aggregator {
  std::string help;
  /// Throws InvalidArgument when the options do not fit the sequence; run before any aggregation.
  std::function<void(const SequenceAttribution&, const Options&)> check;
  /// `reduce` replaces the default function of each field; nullptr keeps the defaults.
  std::function<SequenceAttribution(const SequenceAttribution&, const Options&,
                                    const Reduce* reduce)>
      apply;
  bool must_end_plain =
      false;  ///< whether a pipeline with it has to end with one score per token and step
};

/// All aggregators: scores, spans, subwords, pair, slices.
const NamedRegistry<Aggregator>& aggregators();

// The aggregators, one a file.

/// Aggregates the last axis of the attributions and sequence scores, and scales the attributions.
Aggregator scores_aggregator();
/// Makes one token of each span of tokens.
Aggregator spans_aggregator();
/// Finds the spans of tokens that make up words, and merges them.
Aggregator subwords_aggregator();
/// Subtracts the sequence from another of the same shape.
Aggregator pair_aggregator();
/// Keeps some spans of tokens and drops the others; generated tokens are always kept.
Aggregator slices_aggregator();

/// Throws InvalidArgument unless the attributions have the numbers of tokens and steps that the
/// sequence's tokens and positions ask for.
void check_compatible(const SequenceAttribution& sequence);

/// Throws InvalidArgument unless the attributions have no axes but tokens and steps.
void check_plain(const SequenceAttribution& sequence);

/// Throws InvalidArgument unless spans are in range, not empty, ascending and not overlapping.
/// `tokens` is the number of tokens, `side` is "source" or "target".
void check_spans(const std::vector<Span>& spans, int64_t tokens, const char* side);

}  // namespace inseq::aggregation
