#pragma once
#include <string>
#include <string_view>

#include "inseq/attribution.h"

namespace inseq::io {

/// Rounding of saved scores. kFloat32 keeps every tensor as it is; kFloat8 is 4 bits of exponent
/// and 3 of mantissa.
enum class ScorePrecision { kFloat32, kFloat16, kFloat8 };

/// How to save an attribution.
struct SaveOptions {
  ScorePrecision precision = ScorePrecision::kFloat32;
  bool compress = false;  ///< write gzip
};

/// The JSON that Inseq 0.7.1's FeatureAttributionOutput.save() writes for the same content. Its
/// load() reads it back, except when there are step attributions: Inseq writes those, but cannot
/// load them; ours can.
std::string to_json_text(const AttributionOutput& output, const SaveOptions& options = {});

/// Reads what to_json_text or Inseq wrote. `name` is the file in messages. Scores become float32.
/// The aggregators, which the format does not hold, are those that the kind and the axes still ask
/// for. Throws FormatError.
AttributionOutput from_json_text(std::string_view text, const std::string& name);

/// Writes the JSON to a file, completely or not at all.
void save_attribution(const AttributionOutput& output, const std::string& path,
                      const SaveOptions& options = {});

/// Reads a file that save_attribution or Inseq wrote, gzip or not.
AttributionOutput load_attribution(const std::string& path);

}  // namespace inseq::io
