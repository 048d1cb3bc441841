#pragma once
#include <functional>
#include <string>

#include "inseq/attribution.h"
#include "render/terminal.h"

namespace inseq::render {

/// How to draw attributions for a terminal.
struct HeatmapOptions {
  int width = 80;  ///< columns of the terminal; at least 24 are used
  ColourMode colour = ColourMode::kNone;
  int max_rows = 0;  ///< at most so many token rows, those with the largest scores; 0: all
  /// What the reader should see of a token, spaces and line breaks included. By default its text,
  /// with the signs that tokenizers put for spaces undone.
  std::function<std::string(const Token&)> readable = {};
};

/// Tables of scores, one or two a sequence: a row for every input token, a column for every
/// generated token, scores on a coloured ground, step scores below. Attributions are aggregated by
/// their default pipeline first. Tables wider than the terminal are cut into panels. Every line
/// ends with a line break and fits the width.
std::string render_heatmap(const AttributionOutput& output, const HeatmapOptions& options = {});

}  // namespace inseq::render
