#pragma once
#include <string>
#include <vector>

#include "inseq/attribution.h"
#include "render/terminal_heatmap.h"

// What a terminal heat map shows, before it is laid out.
namespace inseq::render {

/// A token as a row or column of a table.
struct Label {
  int64_t position = 0;  ///< in its sequence
  std::string text;      ///< printable
};

/// A named row of numbers below a table.
struct ScoreRow {
  std::string name;
  std::vector<std::string> values;  ///< one a column
};

struct HeatmapTable {
  std::string title;  ///< "" when there is only one table
  std::vector<Label> rows, columns;
  std::vector<double> scores;  ///< [rows, columns]; NaN: not visible
  std::vector<ScoreRow> step_scores;

  double score(size_t row, size_t column) const { return scores[row * columns.size() + column]; }
};

/// The tables of a sequence that has one score per token and step.
std::vector<HeatmapTable> tables_of(const SequenceAttribution& sequence,
                                    const HeatmapOptions& options);

/// A token's text without the space before it; what is nothing but spaces is shown as "␣".
std::string label_text(const Token& token, const HeatmapOptions& options);

}  // namespace inseq::render
