// NLLB-MoE (NLLB team 2022): NLLB with mixtures of experts in every few layers.
#include <cmath>

#include "inseq/error.h"
#include "models/stack/architecture.h"
#include "models/stack/bart_form.h"
#include "nn/mixture.h"

namespace inseq::models {
namespace {

/// Options of the router under which a token's experts depend on itself alone, without chance.
void check_routing(const Config& config) {
  const std::string policy = config.text("second_expert_policy", "all");
  INSEQ_CHECK(policy == "all", Unsupported, config.path(), ": second_expert_policy is \"", policy,
              "\", which draws experts at random; explained is \"all\"");
  const double fraction = config.number("moe_eval_capacity_token_fraction", 1.0);
  INSEQ_CHECK(fraction >= 1.0, Unsupported, config.path(), ": moe_eval_capacity_token_fraction is ",
              fraction,
              ", with which a token's experts depend on the text behind it; explained is "
              "1, where no token is dropped");
}

std::unique_ptr<nn::FeedForward> feed_forward(const Config& config, const Weights& weights,
                                              const std::string& half, int64_t layer) {
  const std::string name = "model." + half + ".layers." + std::to_string(layer) + ".ffn.";
  const std::string activation = config.text("activation_function", "relu");
  const int64_t inner = config.size({half + "_ffn_dim"}), hidden = config.size({"d_model"});
  const double every = config.number(half + "_sparse_step", 4);
  if (!(every > 0) || std::fmod(static_cast<double>(layer + 1), every) != 0)
    return bart_feed_forward(config, weights, name, inner, activation);
  check_routing(config);
  const int64_t experts = config.size({"num_experts"}, 128);
  INSEQ_CHECK(experts >= 2, FormatError, config.path(), ": num_experts is ", experts,
              ", a token goes through two");
  std::vector<nn::Mixture::Expert> all;
  for (int64_t i = 0; i < experts; ++i) {
    const std::string expert = name + "experts.expert_" + std::to_string(i) + ".";
    all.push_back({weights.linear(expert + "fc1", hidden, inner, /*bias=*/true),
                   weights.linear(expert + "fc2", inner, hidden, /*bias=*/true)});
  }
  return std::make_unique<nn::Mixture>(weights.linear(name + "router.classifier", hidden, experts,
                                                      config.flag("router_bias", false)),
                                       std::move(all), nn::Activation(activation),
                                       1 - config.number("moe_token_dropout", 0.2));
}

std::unique_ptr<LanguageModel> build(const Config& config, const Weights& weights) {
  return build_bart_form(config, weights,
                         {.placement = NormPlacement::kBefore,
                          .positions = BartPositions::kTensor2Tensor,
                          .scale_embedding = true,
                          .activation = "relu",
                          .cross_attention = "cross_attention",
                          .feed_forward_norm = "ff_layer_norm",
                          .feed_forward_module = "ffn",
                          .feed_forward = feed_forward});
}

}  // namespace

void register_nllb_moe(ArchitectureRegistry& registry) {
  registry.add({"NllbMoeForConditionalGeneration", "NllbMoeModel"},
               {.summary = "NLLB with mixtures of experts",
                .build = build,
                .stored_name = bart_stored_name});
}

}  // namespace inseq::models
