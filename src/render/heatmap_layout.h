#pragma once
#include <string>

#include "render/colour.h"
#include "render/heatmap_table.h"
#include "render/number_format.h"

namespace inseq::render {

/// How the scores of all tables of a sequence are written and coloured.
struct ScoreScale {
  NumberFormat format;
  double largest = 0;     ///< absolute score with the deepest colour
  bool any = false;       ///< whether there is a score at all
  bool negative = false;  ///< whether there are scores below zero
};

/// Lays out one of the tables of a sequence in lines of at most `options.width` columns, in panels
/// one below the other. All of them get the same widths, so that their columns stand in line.
std::string layout_table(const std::vector<HeatmapTable>& tables, size_t index,
                         const ScoreScale& scale, const HeatmapOptions& options);

}  // namespace inseq::render
