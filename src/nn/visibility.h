#pragma once

namespace inseq::nn {

/// Which keys a query sees.
enum class Visibility {
  kEarlier,  ///< those at its own position and before: causal self-attention
  kAll,      ///< all there are: an encoder's self-attention, and cross-attention
};

}  // namespace inseq::nn
