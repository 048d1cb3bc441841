#pragma once
#include <memory>
#include <string>

#include "inseq/attribution_model.h"
#include "support/formula_model.h"
#include "support/temporary_folder.h"

namespace inseq::test {

/// A tiny model of tests/golden/models in float64, where rounding hides nothing.
inline AttributionModel load_tiny(const std::string& name, const std::string& dtype = "float64",
                                  const std::string& device = "cpu") {
  const TemporaryFolder folder;
  write_model_folder(name, folder.path());
  LoadOptions options;
  options.dtype = dtype;
  options.device = device;
  return AttributionModel::load(folder.path(), options);
}

/// max |a - b|, NaNs at the same places in both; infinite otherwise.
inline double difference(const Tensor& a, const Tensor& b) {
  if (a.sizes() != b.sizes() || !a.isnan().equal(b.isnan())) return INFINITY;
  return (a - b).nan_to_num(0).abs().max().item<double>();
}

inline double largest(const Tensor& tensor) {
  return tensor.nan_to_num(0).abs().max().item<double>();
}

}  // namespace inseq::test
