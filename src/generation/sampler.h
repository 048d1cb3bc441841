#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <random>
#include <vector>

namespace inseq::generation {

using Tensor = at::Tensor;

/// Draws tokens, one stream of random numbers a sequence, so that a sequence's draws depend on the
/// seed and its prompt alone. A stream is std::mt19937_64, seeded through std::seed_seq from the
/// seed, the FNV-1a hash of the prompt's ids and the number of equal prompts before it; these are
/// fixed by the C++ standard, so are the draws.
class Sampler {
 public:
  /// prompts: [batch, tokens] int64 on the CPU, negative at padding.
  Sampler(uint64_t seed, const Tensor& prompts);

  /// scores: [batch, vocab] -> ids [batch] int64 on the CPU, drawn from softmax(scores).
  Tensor draw(const Tensor& scores);

  /// `count` different ids of one sequence, in the order in which they are drawn without
  /// replacement. scores: [vocab] -> [count] int64 on the CPU.
  Tensor draw_several(int64_t sequence, const Tensor& scores, int64_t count);

 private:
  std::vector<std::mt19937_64> streams_;  // one a sequence
};

/// A seed for when the user gave none.
uint64_t random_seed();

}  // namespace inseq::generation
