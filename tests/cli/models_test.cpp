// What `inseq` says of models that are not there, not known or damaged.
#include <filesystem>

#include "io/file.h"
#include "io/tensor_file.h"
#include "program.h"

namespace inseq::test {
namespace {

namespace fs = std::filesystem;

/// A copy of a tiny model's folder to damage.
class BrokenModel : public testing::Test {
 protected:
  BrokenModel() { write_model_folder("llama_base", folder_.path()); }

  std::string path(const std::string& name) const { return folder_ / name; }

  void set_config(const std::string& key, const Json& value) {
    Json config = Json::parse(io::read_text(path("config.json")));
    if (value.is_null()) {
      config.erase(key);
    } else {
      config[key] = value;
    }
    io::write_file(path("config.json"), config.dump());
  }

  RunResult attribute(const Words& more = {}) const {
    return inseq(with(with({"attribute", "-m", folder_.path()}, kTexts), more));
  }

  TemporaryFolder folder_;
};

TEST_F(BrokenModel, WorksBeforeItIsBroken) { EXPECT_EQ(attribute().exit_code, 0); }

TEST_F(BrokenModel, MissingFolder) {
  expect_failure(inseq(with({"attribute", "-m", path("nowhere/at/all")}, kTexts)), 1,
                 {"there is no file or folder", "nowhere"});
}

TEST_F(BrokenModel, UnknownHubNameIsNotLookedForWhenOffline) {
  RunOptions options;
  options.environment = {
      {"HF_HUB_OFFLINE", "1"}, {"HF_HOME", folder_.path()}, {"HF_HUB_CACHE", path("hub")}};
  expect_failure(inseq(with({"attribute", "-m", "someone/no-such-model"}, kTexts), options), 1,
                 {"someone/no-such-model", "HF_HUB_OFFLINE"});
}

TEST_F(BrokenModel, FolderWithoutAModel) {
  fs::remove(path("config.json"));
  expect_failure(attribute(), 1, {"holds no config.json"});
}

TEST_F(BrokenModel, FileOfAnotherKind) {
  expect_failure(inseq(with({"attribute", "-m", path("config.json")}, kTexts)), 1,
                 {"config.json", ".gguf"});
  io::write_file(path("empty.gguf"), "");
  expect_failure(inseq(with({"attribute", "-m", path("empty.gguf")}, kTexts)), 1, {"empty.gguf"});
}

TEST_F(BrokenModel, MissingTokenizer) {
  fs::remove(path("tokenizer.json"));
  expect_failure(attribute(), 1, {folder_.path(), "tokenizer"});
}

TEST_F(BrokenModel, DamagedTokenizer) {
  io::write_file(path("tokenizer.json"), "{\"version\": ");
  expect_failure(attribute(), 1, {"tokenizer.json"});
}

TEST_F(BrokenModel, DamagedConfiguration) {
  io::write_file(path("config.json"), "{\"architectures\": [");
  expect_failure(attribute(), 1, {"config.json"});
  const std::string deep = std::string(300'000, '[') + std::string(300'000, ']');
  io::write_file(path("config.json"), "{\"x\": " + deep + "}");
  expect_failure(attribute(), 1, {"config.json: nested more than"});
}

TEST_F(BrokenModel, UnknownArchitectureNamesTheKnownOnes) {
  set_config("architectures", {"BertForMaskedLM"});
  expect_failure(attribute(), 1, {"\"BertForMaskedLM\"", "GPT2LMHeadModel", "LlamaForCausalLM"});
  set_config("architectures", nullptr);
  expect_failure(attribute(), 1, {"config.json", "\"architectures\" is missing"});
  set_config("architectures", "LlamaForCausalLM");
  expect_failure(attribute(), 1, {"\"architectures\" is \"LlamaForCausalLM\"", "a list"});
}

TEST_F(BrokenModel, ShapesMustBeThoseOfTheConfiguration) {
  set_config("intermediate_size", 64);
  expect_failure(attribute(), 1, {"model.safetensors", "[32, 48]", "[32, 64]"});
  set_config("intermediate_size", 48);
  set_config("num_hidden_layers", 3);
  expect_failure(attribute(), 1, {"\"model.layers.2.", "is missing"});
}

TEST_F(BrokenModel, SizesMustMakeSense) {
  for (const Json& wrong : {Json(0), Json(-4), Json(2.5), Json("four"), Json(1e30)}) {
    set_config("num_attention_heads", wrong);
    expect_failure(attribute(), 1, {"config.json", "num_attention_heads"});
  }
}

TEST_F(BrokenModel, SettingsMustMakeSense) {
  set_config("hidden_act", "sillu");
  expect_failure(attribute(), 1, {"\"sillu\"", "did you mean \"silu\"?", "gelu_new"});
  set_config("hidden_act", "silu");
  set_config("pad_token_id", INT64_MAX);
  expect_failure(attribute(), 1, {"config.json", "pad_token_id", "token id"});
  set_config("pad_token_id", 2);
  set_config("rms_norm_eps", -1e-5);
  expect_failure(attribute(), 1, {"epsilon of a norm is -1e-05", "at least 0"});
}

TEST_F(BrokenModel, TensorsOfAnotherType) {
  const std::string whole = io::read_text(path("model.safetensors"));
  for (const char* type : {"F16", "F64", "Q99"}) {
    std::string wrong = whole;
    wrong.replace(wrong.find("F32"), 3, type);
    io::write_file(path("model.safetensors"), wrong);
    expect_failure(attribute(), 1, {"model.safetensors", "tensor \"", type});
  }
}

TEST_F(BrokenModel, TruncatedWeights) {
  const std::string whole = io::read_text(path("model.safetensors"));
  for (const size_t kept :
       {whole.size() - 1, whole.size() / 2, size_t{100}, size_t{4}, size_t{0}}) {
    io::write_file(path("model.safetensors"), whole.substr(0, kept));
    expect_failure(attribute(), 1, {"model.safetensors"});
  }
  fs::remove(path("model.safetensors"));
  expect_failure(attribute(), 1, {folder_.path(), "model.safetensors"});
}

TEST_F(BrokenModel, TokenizerOfAnotherModel) {
  set_config("vocab_size", 20);
  const std::vector<float> values(20 * 32);
  auto file = io::open_safetensors(path("model.safetensors"));
  std::vector<io::TensorToWrite> tensors;
  for (const io::TensorEntry& entry : file->entries()) {
    const bool embeddings = entry.name == "model.embed_tokens.weight";
    tensors.push_back({entry.name, entry.dtype,
                       embeddings ? std::vector<int64_t>{20, 32} : entry.shape,
                       embeddings ? std::as_bytes(std::span(values)) : entry.bytes});
  }
  const std::string written = io::write_safetensors(tensors);
  file.reset();
  io::write_file(path("model.safetensors"), written);
  expect_failure(attribute(), 1, {"the model knows 20 tokens", "do not belong together"});
}

TEST_F(BrokenModel, DefaultModelMisspelt) {
  RunOptions options;
  options.environment = {{"HF_HUB_OFFLINE", "1"}};
  expect_failure(inseq({"attribute", "-m", "SmolLM-135M-Instruct", "-i", "a"}, options), 1,
                 {"did you mean \"SmolLM2-135M-Instruct\"?"});
}

TEST_F(BrokenModel, MessagesShowNoControlCharacters) {
  set_config("architectures", {"A\nB\x1b[31m"});
  const RunResult result = attribute();
  expect_failure(result, 1, {"LlamaForCausalLM"});
}

}  // namespace
}  // namespace inseq::test
