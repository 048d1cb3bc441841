// Agreement with direct definitions of methods with which Inseq fails.
#include <gtest/gtest.h>

#include "inseq/attribution_model.h"
#include "support/formula_model.h"
#include "support/golden.h"
#include "support/golden_folder.h"
#include "support/temporary_folder.h"

namespace inseq::test {
namespace {

class Direct : public testing::TestWithParam<std::string> {};

TEST_P(Direct, AgreesWithItsDefinition) {
  const Json golden = read_golden_json("direct/cases/" + GetParam() + ".json");
  const Tensor expected =
      read_golden_tensors("direct/" + GetParam() + ".safetensors").at("target_attributions");
  const TemporaryFolder folder;
  write_model_folder(golden.at("model").get<std::string>(), folder.path());
  const AttributionModel model = AttributionModel::load(folder.path());
  AttributeOptions options;
  options.method = golden.at("method").get<std::string>();
  options.attribution_args = golden.at("attribution_args");
  const SequenceAttribution found =
      model
          .attribute({golden.at("input_texts").get<std::string>()},
                     {golden.at("generated_texts").get<std::string>()}, options)
          .sequences[0];
  EXPECT_LE(normalised_error(found.target_attributions, expected), golden.at("bound").get<double>())
      << golden.at("about");
}

INSTANTIATE_TEST_SUITE_P(Cases, Direct, testing::ValuesIn(golden_names("direct/cases")),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace inseq::test
