// Agreement of whole models with transformers: see make_data.py.
#include <gtest/gtest.h>

#include "inseq/error.h"
#include "unit/models/model_folder.h"

namespace inseq::models {
namespace {

std::vector<std::string> names() {
  std::vector<std::string> names;
  const Json models = read_json("models.json");
  for (const auto& [name, model] : models.items()) names.push_back(name);
  return names;
}

double difference(const Tensor& found, const Tensor& expected) {
  return ((found - expected).abs().max() / expected.abs().max()).item<double>();
}

class Agreement : public testing::TestWithParam<std::string> {};

TEST_P(Agreement, LogitsAndEmbeddingsAreThoseOfTransformers) {
  const ModelFolder folder(GetParam());
  folder.write();
  const auto model = folder.load();
  const Sides embeddings = model->embed({folder.ids("source"), folder.ids("target")});
  const auto expected = io::open_safetensors(data_path("data/" + GetParam() + ".safetensors"));
  EXPECT_LE(difference(embeddings.source[0], read_tensor(*expected, "source")), 1e-6);
  EXPECT_LE(difference(embeddings.target[0], read_tensor(*expected, "target")), 1e-6);
  const Tensor logits = model->logits(model->forward(embeddings, {})->final_hidden)[0];
  EXPECT_LE(difference(logits, read_tensor(*expected, "logits")), 1e-4);
  const auto cache = model->start(folder.ids("source"), at::ones_like(folder.ids("source")));
  const Tensor last =
      model->next_logits(folder.ids("target"), at::ones_like(folder.ids("target")), *cache)[0];
  EXPECT_LE(difference(last, read_tensor(*expected, "logits")[-1]), 1e-4);
}

TEST_P(Agreement, PullbackIsAutogradInFloat64) {
  const ModelFolder folder(GetParam());
  folder.write();
  const auto model = folder.load({.dtype = at::kDouble});
  const Sides inputs = model->embed({folder.ids("source"), folder.ids("target")});
  const int64_t hidden = inputs.target.size(2), tokens = inputs.target.size(1);
  const std::vector<int64_t> positions{tokens - 1, 1};
  const Tensor grad = at::ones({2, 1, hidden}, at::kDouble).cumsum(2) / hidden;
  const auto pass = model->forward(inputs, {.keep = Keep::kPullback});
  const Sides found = model->pullback(grad, positions, *pass, true);
  const at::AutoGradMode recording(true);
  const Sides leaves{inputs.source.detach().requires_grad_(),
                     inputs.target.detach().requires_grad_()};
  const Tensor final_hidden = model->forward(leaves, {})->final_hidden;
  for (int64_t s = 0; s < 2; ++s) {
    const auto expected =
        torch::autograd::grad({final_hidden.select(1, positions[s])},
                              {leaves.source, leaves.target}, {grad[s]}, /*retain_graph=*/true);
    EXPECT_LE(difference(found.source[s], expected[0]), 1e-10);
    EXPECT_LE(difference(found.target[s], expected[1]), 1e-10);
  }
}

/// What is shared out adds up to the change of the hidden states, token by token of both sides.
TEST_P(Agreement, RescaleRuleEverywhereIsComplete) {
  const ModelFolder folder(GetParam());
  folder.write();
  const auto model = folder.load({.dtype = at::kDouble});
  const Sides inputs = model->embed({folder.ids("source"), folder.ids("target")});
  const Sides baseline = model->embed({folder.ids("source").flip(1), folder.ids("target").flip(1)});
  const LanguageModel::PassOptions of_reference{.keep = Keep::kReference, .every_function = true};
  if (GetParam() == "nllb_moe") {  // both ends of a difference need not have the same experts
    EXPECT_THROW(model->forward(baseline, of_reference), Unsupported);
    return;
  }
  const auto reference = model->forward(baseline, of_reference);
  const auto pass = model->forward(
      inputs, {.keep = Keep::kPullback, .reference = reference.get(), .every_function = true});
  const std::vector<int64_t> positions{inputs.target.size(1) - 1, 1};
  const Tensor grad = at::randn({2, 1, inputs.target.size(2)}, at::kDouble);
  const Sides found = model->pullback(grad, positions, *pass, true);
  const int64_t seen = found.target.size(2);
  for (int64_t s = 0; s < 2; ++s) {
    const Tensor change = pass->final_hidden.select(1, positions[s]) -
                          reference->final_hidden.select(1, positions[s]);
    const Tensor given =
        (found.source[s] * (inputs.source - baseline.source)).sum() +
        (found.target[s] * (inputs.target - baseline.target).narrow(1, 0, seen)).sum();
    const double expected = (grad[s] * change).sum().item<double>();
    EXPECT_NEAR(given.item<double>(), expected, 1e-8 * (1 + std::abs(expected)));
  }
}

TEST_P(Agreement, Bfloat16IsNearFloat32) {
  const ModelFolder folder(GetParam());
  folder.write();
  std::vector<Tensor> gradients;
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const auto model = folder.load({.dtype = type});
    const Sides inputs = model->embed({folder.ids("source"), folder.ids("target")});
    const auto pass = model->forward(inputs, {.keep = Keep::kPullback});
    EXPECT_EQ(pass->final_hidden.scalar_type(), type);
    const Tensor grad = at::ones({1, 1, inputs.target.size(2)}, inputs.target.options());
    // The sum of hidden states after a norm hardly changes: a slope over units gives it a gradient.
    const Sides found = model->pullback(grad.cumsum(2) / grad.size(2), {3}, *pass, true);
    EXPECT_EQ(found.source.scalar_type(), at::kFloat);
    gradients.push_back(found.source.flatten());
  }
  const double cosine =
      (gradients[0].dot(gradients[1]) / (gradients[0].norm() * gradients[1].norm())).item<double>();
  EXPECT_GT(cosine, 0.95);
}

INSTANTIATE_TEST_SUITE_P(Models, Agreement, testing::ValuesIn(names()),
                         [](const auto& info) { return info.param; });

// --- bad checkpoints and configurations ---------------------------------------------------------

std::string message_of(const ModelFolder& folder) {
  folder.write();
  try {
    folder.load();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(BadModel, MissingTensorsAreNamed) {
  for (const auto& [model, tensor] : std::map<std::string, std::string>{
           {"marian", "model.encoder.layers.1.fc1.weight"},
           {"bart", "model.decoder.layernorm_embedding.bias"},
           {"mbart", "model.decoder.layer_norm.weight"},
           {"pegasus", "model.decoder.layers.2.encoder_attn.q_proj.bias"},
           {"bart_scaled_untied", "lm_head.weight"},
           {"led", "led.encoder.layers.0.self_attn.longformer_self_attn.key.weight"},
           {"t5", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"},
           {"umt5", "decoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight"}}) {
    ModelFolder folder(model);
    folder.tensors.erase(tensor);
    EXPECT_NE(message_of(folder).find("tensor \"" + tensor + "\" is missing"), std::string::npos)
        << model << ": " << message_of(folder);
  }
}

TEST(BadModel, ATokenTableUnderNoNameIsNamed) {
  ModelFolder folder("t5");
  folder.tensors.erase("shared.weight");
  EXPECT_NE(message_of(folder).find("\"encoder.embed_tokens.weight\" is missing"),
            std::string::npos)
      << message_of(folder);
}

TEST(BadModel, ConfigurationsThatDoNotFitAreTold) {
  const auto message = [](const std::string& name, const std::string& key, const Json& value) {
    ModelFolder folder(name);
    folder.model["config"][key] = value;
    return message_of(folder);
  };
  const auto has = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  has(message("bart", "encoder_attention_heads", 5), "d_model 24 is not a multiple of 5");
  has(message("bart", "max_position_embeddings", 34),
      "\"model.encoder.embed_positions.weight\" is [35, 24], the configuration needs [36, 24]");
  has(message("bart", "encoder_layers", nullptr), "\"encoder_layers\" is missing");
  has(message("bart", "decoder_layers", 0), "\"decoder_layers\" is 0");
  has(message("bart", "decoder_ffn_dim", 38), "the configuration needs [24, 38]");
  has(message("marian", "decoder_vocab_size", 40), "decoder_vocab_size 40 is not vocab_size 41");
  has(message("marian", "activation_function", "swich"), "swich");
  has(message("t5", "feed_forward_proj", "open-gelu"), "\"feed_forward_proj\" is \"open-gelu\"");
  has(message("t5", "relative_attention_num_buckets", 3), "relative_attention_num_buckets 3");
  has(message("t5", "relative_attention_max_distance", 5), "relative_attention_max_distance 5");
  has(message("t5", "d_kv", 8), "the configuration needs");
  has(message("led", "attention_window", 1), "\"attention_window\" is 1");
  has(message("led", "attention_window", "wide"), "\"attention_window\" is \"wide\"");
}

/// A size that no tensor of the file has must not become memory first: 2^31 rows would be 200 GB.
TEST(BadModel, HugeSizesAreToldBeforeMemoryIsAskedFor) {
  const auto expect_told = [](const std::string& name, const std::string& key) {
    ModelFolder folder(name);
    folder.model["config"][key] = int64_t{1} << 31;
    const std::string message = message_of(folder);
    const bool told = message.find("the configuration needs") != std::string::npos ||
                      message.find("2147483648 positions") != std::string::npos;
    EXPECT_TRUE(told) << name << " " << key << ": " << message;
  };
  for (const char* key : {"vocab_size", "encoder_ffn_dim", "decoder_ffn_dim"})
    expect_told("bart", key);
  expect_told("t5", "d_kv");
  expect_told("t5", "vocab_size");
  expect_told("marian", "max_position_embeddings");
  expect_told("nllb_moe", "encoder_ffn_dim");
}

TEST(BadModel, RoutingByChanceOrByLaterTokensIsRefused) {
  for (const auto& [key, value] : {std::pair<const char*, Json>{"second_expert_policy", "sampling"},
                                   {"moe_eval_capacity_token_fraction", 0.5},
                                   {"num_experts", 1}}) {
    ModelFolder folder("nllb_moe");
    folder.model["config"][key] = value;
    EXPECT_NE(message_of(folder).find(key), std::string::npos) << message_of(folder);
  }
}

/// As in transformers, tables that are stored with different values are not tied.
TEST(TiedHead, OneThatDiffersFromTheEmbeddingsIsUsed) {
  const test::TemporaryFolder folder;
  test::write_model_folder("llama_odd", folder.path());
  const auto logits = [&] {
    const auto model = build_model(open_model_files(folder.path(), /*is_gguf=*/false), {});
    return model->logits(at::arange(model->sizes().hidden, at::kFloat).unsqueeze(0));
  };
  const Tensor untied = logits();
  const std::string path = folder.path() + "/config.json";
  Json config = Json::parse(io::read_text(path));
  ASSERT_FALSE(config.value("tie_word_embeddings", false));
  config["tie_word_embeddings"] = true;
  io::write_file(path, config.dump());
  EXPECT_TRUE(logits().equal(untied));
}

TEST(TokenIds, OutsideTheVocabularyAreTold) {
  const ModelFolder folder("bart");
  folder.write();
  const auto model = folder.load();
  for (const int64_t id : {-1, 41}) {
    try {
      model->embed({folder.ids("source"), at::full({1, 3}, id, at::kLong)});
      ADD_FAILURE() << id;
    } catch (const InvalidArgument& error) {
      EXPECT_NE(std::string(error.what()).find("is not in the model's vocabulary of 41"),
                std::string::npos)
          << error.what();
    }
  }
}

/// LED has no scale_embedding in transformers, whatever its configuration says.
TEST(Led, EmbeddingsAreNotScaled) {
  const auto embedded = [](bool flag) {
    ModelFolder folder("led");
    folder.model["config"]["scale_embedding"] = flag;
    folder.write();
    return folder.load()->embed({folder.ids("source"), folder.ids("target")}).source;
  };
  EXPECT_TRUE(embedded(true).equal(embedded(false)));
}

TEST(Led, SourcesLongerThanItsWindowHaveNoPosition) {
  const ModelFolder folder("led");
  folder.write();
  EXPECT_EQ(folder.load()->sizes().max_source_positions, 9);
  EXPECT_EQ(folder.load()->sizes().max_positions, 16);
}

}  // namespace
}  // namespace inseq::models
