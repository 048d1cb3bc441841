#pragma once
#include <memory>
#include <vector>

#include "nn/tensor.h"

namespace inseq::nn {

/// Cosines and sines by which queries and keys are rotated.
struct RotaryTable {
  Tensor cos, sin;  // [tokens, rotary / 2] or [batch, tokens, rotary / 2], float32 or wider
  bool defined() const { return cos.defined(); }
  /// The first `tokens` positions of a table without batch axis.
  RotaryTable first(int64_t tokens) const;
};

/// The inverse frequencies of rotary position embeddings (Su et al. 2021), with a way of scaling
/// them.
class RotaryFrequencies {
 public:
  virtual ~RotaryFrequencies() = default;
  /// Inverse frequencies for texts of `length` tokens: [rotary / 2], float32.
  virtual Tensor inverse(int64_t length) const = 0;
  /// Texts whose lengths share a regime share their frequencies, so that one forward pass serves
  /// the prefixes of a text. Scalings that look at the length give every longer length its own
  /// regime.
  virtual int64_t regime(int64_t /*length*/) const { return 0; }
  /// What cosines and sines are multiplied with: rotated queries and keys grow by it.
  virtual double magnitude() const { return 1.0; }

  /// The table for `positions` ([tokens] or [batch, tokens], int64) of texts of `length` tokens.
  RotaryTable table(const Tensor& positions, int64_t length, at::ScalarType type) const;
};

/// Plain frequencies: theta^(-2i / rotary), divided by `linear_factor` (position interpolation).
std::unique_ptr<RotaryFrequencies> plain_frequencies(int64_t rotary, double theta,
                                                     double linear_factor = 1.0);

/// Dynamic NTK scaling: beyond `max_positions` the base grows with the length of the text.
struct DynamicScaling {
  double factor = 1.0;
  int64_t max_positions = 2048;  // tokens
};
std::unique_ptr<RotaryFrequencies> dynamic_frequencies(int64_t rotary, double theta,
                                                       DynamicScaling scaling);

/// Llama 3's scaling: long wavelengths are divided by `factor`, short ones kept, a smooth blend
/// between.
struct Llama3Scaling {
  double factor = 8.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  int64_t original_positions = 8192;  // tokens of the context before scaling
};
std::unique_ptr<RotaryFrequencies> llama3_frequencies(int64_t rotary, double theta,
                                                      Llama3Scaling scaling);

/// YaRN (Peng et al. 2023): frequencies that turn more than `beta_fast` times in the original
/// context are kept, those that turn less than `beta_slow` times are divided by `factor`, with a
/// ramp over the dimensions between.
struct YarnScaling {
  double factor = 1.0;
  double beta_fast = 32.0, beta_slow = 1.0;  // turns
  int64_t original_positions = 2048;         // tokens of the context before scaling
  bool whole_dimensions = true;              // the ramp begins and ends at whole dimensions
  double magnitude = 1.0;
};
std::unique_ptr<RotaryFrequencies> yarn_frequencies(int64_t rotary, double theta,
                                                    YarnScaling scaling);

/// Each frequency is divided by a factor of its own ([rotary / 2]), as GGUF files list them.
std::unique_ptr<RotaryFrequencies> divided_frequencies(int64_t rotary, double theta,
                                                       const std::vector<double>& factors);

/// LongRoPE (Ding et al. 2024): such factors for texts within the original context and for longer
/// ones.
struct LongScaling {
  std::vector<double> short_factors, long_factors;  // [rotary / 2]
  int64_t original_positions = 2048;                // tokens of the context before scaling
  double magnitude = 1.0;
};
std::unique_ptr<RotaryFrequencies> long_frequencies(int64_t rotary, double theta,
                                                    const LongScaling& scaling);

/// Rotates the first 2 * table.cos.size(-1) units of x, halves paired: with (a, b) one pair,
///   a' = a cos - b sin,  b' = b cos + a sin.
/// x: [..., batch, heads, tokens, head_dim]. Its pullback rotates the other way, with the same
/// magnitude.
Tensor rotate(const Tensor& x, const RotaryTable& table);
Tensor rotate_back(const Tensor& grad_y, const RotaryTable& table);

}  // namespace inseq::nn
