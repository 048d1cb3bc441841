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

/// The scores that a golden tensor has the name of.
Tensor scores_named(const SequenceAttribution& found, const std::string& name) {
  if (name == "source_attributions") return found.source_attributions;
  if (name == "target_attributions") return found.target_attributions;
  return found.sequence_scores.at(name);
}

TEST_P(Direct, AgreesWithItsDefinition) {
  const Json golden = read_golden_json("direct/cases/" + GetParam() + ".json");
  const auto expected = read_golden_tensors("direct/" + GetParam() + ".safetensors");
  const TemporaryFolder folder;
  write_model_folder(golden.at("model").get<std::string>(), folder.path());
  const AttributionModel model = AttributionModel::load(folder.path());
  AttributeOptions options;
  options.method = golden.at("method").get<std::string>();
  options.attribute_target = expected.contains("source_attributions");
  options.attribution_args = golden.at("attribution_args");
  const SequenceAttribution found =
      model
          .attribute({golden.at("input_texts").get<std::string>()},
                     {golden.at("generated_texts").get<std::string>()}, options)
          .sequences[0];
  for (const auto& [name, values] : expected) {
    EXPECT_LE(normalised_error(scores_named(found, name), values), golden.at("bound").get<double>())
        << golden.at("about") << " " << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Direct, testing::ValuesIn(golden_names("direct/cases")),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace inseq::test
