#include "io/hub_files.h"

#include <filesystem>

#include "inseq/error.h"
#include "support/http/fake_hub.h"

namespace inseq::io {
namespace {

using testing::message_of;
using testing::write_content;
using Names = std::vector<std::string>;

TEST(HubFiles, KnowsWhichNamesStayInsideAFolder) {
  for (const char* name :
       {"config.json", "q4/model-00001-of-00002.gguf", "a..b", ".hidden", "-x"}) {
    EXPECT_TRUE(is_safe_file_name(name)) << name;
  }
  for (const char* name : {"", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".", "a/.", "..",
                           "a\\b", "C:x", "a\nb", "a\x1b[2J", "\xc3\xa9"}) {
    EXPECT_FALSE(is_safe_file_name(name)) << name;
  }
  EXPECT_FALSE(is_safe_file_name(std::string("a\0b", 3)));
  EXPECT_FALSE(is_safe_file_name(std::string(201, 'a')));
}

TEST(HubFiles, ChoosesOneFormOfTheWeights) {
  const Names all = {"pytorch_model.bin.index.json", "pytorch_model.bin",
                     "model.safetensors.index.json", "model.safetensors", "config.json"};
  EXPECT_EQ(choose_model_files(all, "a/b").weights, "model.safetensors");
  EXPECT_FALSE(choose_model_files(all, "a/b").sharded);
  EXPECT_EQ(choose_model_files({all[0], all[1], all[2], all[4]}, "a/b").weights, all[2]);
  EXPECT_TRUE(choose_model_files({all[0], all[1], all[2], all[4]}, "a/b").sharded);
  EXPECT_EQ(choose_model_files({all[0], all[1], all[4]}, "a/b").weights, "pytorch_model.bin");
  EXPECT_EQ(choose_model_files({all[0], all[4]}, "a/b").weights, all[0]);
}

TEST(HubFiles, ChoosesWhatGoesWithTheWeightsAndNothingElse) {
  const ModelFiles files = choose_model_files(
      {"README.md", "config.json", "tokenizer.json", "source.spm", "sentencepiece.bpe.model",
       "vocab.json", "onnx/config.json", "onnx/tokenizer.model", "../evil.model", "/evil.spm",
       "config.json", "evil\x1b.model", "model.safetensors", "tf_model.h5", "q4.gguf",
       "training_args.bin", "chat_template.jinja"},
      "a/b");
  EXPECT_EQ(files.small, (Names{"config.json", "tokenizer.json", "source.spm",
                                "sentencepiece.bpe.model", "vocab.json", "chat_template.jinja"}));
}

TEST(HubFiles, SaysWhatARepositoryWithoutReadableWeightsHolds) {
  std::string message = message_of<InvalidArgument>(
      [] { choose_model_files({"README.md", "q4.gguf", "q8/b.gguf", "../x.gguf"}, "a/b"); });
  EXPECT_SAYS(message, "\"a/b/q4.gguf\"");
  EXPECT_SAYS(message, "it has q4.gguf and q8/b.gguf");
  message = message_of<InvalidArgument>(
      [] { choose_model_files({"config.json", "tf_model.h5"}, "a/b"); });
  EXPECT_SAYS(message, "it holds config.json and tf_model.h5");
  EXPECT_SAYS(message, "model.safetensors");
  message = message_of<InvalidArgument>([] { choose_model_files({}, "a/b"); });
  EXPECT_SAYS(message, "it is empty");
  message = message_of<InvalidArgument>(
      [] { choose_model_files({"adapter_config.json", "adapter_model.safetensors"}, "a/b"); });
  EXPECT_SAYS(message, "is an adapter");
  message = message_of<InvalidArgument>([] { choose_model_files({"model.safetensors"}, "a/b"); });
  EXPECT_SAYS(message, "no config.json");
}

TEST(HubFiles, ListsEachShardOnce) {
  const std::string index = R"({"weight_map": {"a": "m-2.bin", "b": "m-1.bin", "c": "m-2.bin"}})";
  EXPECT_EQ(shards_of_index(index, "here"), (Names{"m-1.bin", "m-2.bin"}));
}

TEST(HubFiles, RefusesIndexesThatAreNone) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "is not valid JSON"},
      {"[1]", "has no \"weight_map\""},
      {R"({"weight_map": 1})", "has no \"weight_map\""},
      {R"({"weight_map": {}})", "has no \"weight_map\""},
      {R"({"weight_map": {"a": 1}})", "should be in 1, which is not the name of a file"},
      {R"({"weight_map": {"a": "../../../home/x/.bashrc"}})", "not the name of a file in this"},
      {R"({"weight_map": {"a": "/etc/passwd"}})", "\"/etc/passwd\""},
      {R"({"weight_map": {"a": "x\u001b[2J"}})", "no name to save a file by"},
      {R"({"weight_map": {"a": )" + std::string(1'000'000, '['), "nests deeper"},
  };
  for (const auto& [text, expected] : cases) {
    const std::string message =
        message_of<FormatError>([&] { shards_of_index(text, "here.json"); });
    EXPECT_SAYS(message, expected);
    EXPECT_SAYS(message, "here.json");
  }
}

TEST(HubFiles, NamesTheFileThatAModelFolderLacks) {
  const testing::TemporaryFolder folder;
  const auto missing = [&] { return missing_model_file(folder.path()); };
  EXPECT_EQ(missing(), "config.json");
  write_content(folder.path() + "/config.json", "{}");
  EXPECT_EQ(missing(), "model.safetensors");
  std::filesystem::create_symlink("nothing", folder.path() + "/model.safetensors");
  EXPECT_EQ(missing(), "model.safetensors");
  write_content(folder.path() + "/pytorch_model.bin", "");
  EXPECT_EQ(missing(), "");
  write_content(folder.path() + "/model.safetensors.index.json",
                R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})");
  write_content(folder.path() + "/1.safetensors", "");
  EXPECT_EQ(missing(), "2.safetensors");
  write_content(folder.path() + "/2.safetensors", "");
  EXPECT_EQ(missing(), "");
}

TEST(HubFiles, RecognisesATokenizer) {
  for (const char* name :
       {"tokenizer.json", "vocab.json", "vocab.txt", "source.spm", "spiece.model"}) {
    const testing::TemporaryFolder folder;
    EXPECT_FALSE(has_tokenizer(folder.path()));
    write_content(folder.path() + "/" + name, "");
    EXPECT_TRUE(has_tokenizer(folder.path())) << name;
  }
  EXPECT_FALSE(has_tokenizer("/nowhere"));
}

TEST(HubFiles, ShortensLongLists) {
  EXPECT_EQ(some_of({"a", "b", "c"}, 3), "a, b and c");
  EXPECT_EQ(some_of({"a", "b", "c", "d"}, 2), "a, b and 2 more");
}

}  // namespace
}  // namespace inseq::io
