#pragma once
#include <nlohmann/json.hpp>
#include <vector>

#include "base/option_info.h"
#include "engine/question.h"

namespace inseq::methods {

/// Tokens that are perturbed together.
struct Feature {
  bool source = false;          ///< of the source; else of the target
  std::vector<int64_t> tokens;  ///< positions, ascending
};

/// The option "feature_mask", by which perturbation methods take groups of tokens as features.
OptionInfo feature_mask_option();

/// The features of a text: tokens with the same number in `feature_mask` on the same side, or every
/// token by itself when it is null. Of the source always, of the target where it is attributed and
/// before the last explained token. Throws InvalidArgument for anything but lists of numbers of the
/// right length.
std::vector<Feature> features_of(const engine::Question& question, const Json& feature_mask);

}  // namespace inseq::methods
