// What is computed together equals what is computed alone, on models of both families.
#include <gtest/gtest.h>

#include "inseq/error.h"
#include "support/tiny_folder.h"

namespace inseq::test {
namespace {

class Sharing : public testing::TestWithParam<std::string> {
 protected:
  AttributeOptions options(const std::string& method, const Json& arguments) const {
    AttributeOptions options;
    options.method = method;
    options.attribution_args = arguments;
    options.attribute_target = model_.is_encoder_decoder();
    return options;
  }
  SequenceAttribution explained(const AttributeOptions& options) const {
    if (model_.is_encoder_decoder())
      return model_.attribute({"The dog ate the food."}, {"Le chien a mangé."}, options)
          .sequences[0];
    return model_.attribute({"The dog"}, {"The dog ate the food of the cat"}, options).sequences[0];
  }
  void expect_same(const AttributeOptions& a, const AttributeOptions& b, double bound) const {
    const SequenceAttribution x = explained(a), y = explained(b);
    EXPECT_LE(difference(x.target_attributions, y.target_attributions),
              bound * largest(x.target_attributions));
    if (model_.is_encoder_decoder()) {
      EXPECT_LE(difference(x.source_attributions, y.source_attributions),
                bound * largest(x.source_attributions));
    }
  }
  const AttributionModel model_ = load_tiny(GetParam());
};

/// Passes that begin at the moved token against whole ones, a step at a time, by autograd.
TEST_P(Sharing, SequentialPathsBehindAPrefixAreThoseOfWholePasses) {
  const AttributeOptions usual = options("sequential_integrated_gradients", {{"n_steps", 3}});
  AttributeOptions slow = usual, alone = usual, tight = usual;
  slow.engine = "autograd";
  alone.attribution_args["internal_batch_size"] = 1;
  tight.memory_limit = 600'000;
  expect_same(usual, slow, 1e-6);
  expect_same(usual, alone, 1e-6);
  expect_same(usual, tight, 1e-6);
}

TEST_P(Sharing, PerturbationsKeepTheMemoryLimit) {
  for (const char* method : {"occlusion", "lime"}) {
    const AttributeOptions usual =
        options(method, std::string(method) == "lime" ? Json{{"n_samples", 20}, {"seed", 3}}
                                                      : Json::object());
    AttributeOptions tight = usual, none = usual;
    tight.memory_limit = 300'000;
    none.memory_limit = 1000;
    expect_same(usual, tight, 1e-6);
    try {
      explained(none);
      ADD_FAILURE() << method;
    } catch (const InvalidArgument& error) {
      EXPECT_NE(std::string(error.what()).find("of working memory, the limit is"),
                std::string::npos)
          << error.what();
    }
  }
}

/// With the rule at every non-linearity, what DeepLIFT gives adds up to the change of the logit.
TEST_P(Sharing, DeepliftEverywhereAddsUp) {
  const auto gap = [&](const char* rescale) {
    AttributeOptions asked =
        options("deeplift", {{"rescale", rescale}, {"return_convergence_delta", true}});
    asked.attributed_fn = "logit";
    return largest(explained(asked).step_scores.at("deltas"));
  };
  EXPECT_LE(gap("all"), 1e-9);
  EXPECT_GT(gap("captum"), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Models, Sharing,
                         testing::Values("llama_base", "gpt2_base", "llama_dynamic",
                                         "marian_scaled", "bart_base", "m2m100_base",
                                         "pegasus_base", "t5_gated", "umt5_base"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace inseq::test
