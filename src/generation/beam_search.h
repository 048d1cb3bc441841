#pragma once
#include "generation/generation.h"

namespace inseq::generation {

/// generate() with options.num_beams > 1. `model.reorder` must be set.
Generated beam_search(const Decoder& model, const Tensor& prompt_ids, const Tensor& prompt_mask,
                      const Options& options, const ProgressCallback& progress);

}  // namespace inseq::generation
