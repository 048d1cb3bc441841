#pragma once
#include "models/stack/config.h"
#include "nn/rotary.h"

namespace inseq::models {

/// The rotary frequencies that a configuration asks for: `rope_parameters` of transformers 5, or
/// the `rope_theta` and `rope_scaling` of older versions. The type "factors" is our own, for GGUF
/// files: its list "factors" divides the frequencies. `rotary` is the number of units of a head
/// that are rotated. Throws FormatError, and Unsupported for a scaling that is not known.
std::unique_ptr<nn::RotaryFrequencies> read_rotary(const Config& config, int64_t rotary);

/// Tokens of the longest text that a model with rotary positions is meant for, as the configuration
/// says; absent where it does not. Longer ones can be read, but the model was not trained for them.
std::optional<int64_t> rotary_context(const Config& config);

}  // namespace inseq::models
