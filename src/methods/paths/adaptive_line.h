#pragma once
#include "engine/engine.h"

namespace inseq::methods {

/// How a line from the baseline to the inputs is cut into panels.
struct AdaptiveLine {
  std::string rule;            ///< of integration in a panel, see quadrature()
  double tolerance = 0;        ///< of the gap of completeness, in units of the score
  int64_t most_points = 512;   ///< that a step may get; it is done when they are used up
  int64_t points_at_once = 0;  ///< in one forward pass at most; 0: as many as memory allows
};

/// Integrated gradients with points where each step's score changes. How far the attributions of a
/// panel of the line are from adding up is known: the score changes from its one end to the other
/// by a number that costs one forward pass for all steps. Until the sum of its panels' gaps, and
/// each of them, are within the tolerance, a step gets the halves of its worst panels instead of
/// them.
engine::Answer integrate_adaptively(const engine::Engine& engine, const engine::Question& question,
                                    const AdaptiveLine& line);

}  // namespace inseq::methods
