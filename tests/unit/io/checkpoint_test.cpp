#include <gtest/gtest.h>

#include <filesystem>

#include "inseq/error.h"
#include "io/tensor_file.h"
#include "io/tensor_parsers.h"
#include "unit/io/malformed.h"

namespace inseq::io {
namespace {

using testing::data_path;
using testing::file_bytes;
using testing::TemporaryFolder;

std::string message_of(const std::string& folder) {
  try {
    open_checkpoint(folder);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void expect_message(const std::string& folder, const std::string& part) {
  const std::string message = message_of(folder);
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

float value_of(const TensorFile& file, const std::string& name) {
  const TensorEntry* entry = file.find(name);
  if (entry == nullptr) throw InvalidArgument("no tensor " + name);
  std::vector<float> out(static_cast<size_t>(entry->numel()));
  to_float32(*entry, out);
  return out.at(0);
}

TEST(Checkpoint, ReadsShards) {
  for (const char* folder : {"sharded_safetensors", "sharded_bin"}) {
    const auto file = open_checkpoint(data_path(folder));
    ASSERT_EQ(file->entries().size(), 3u) << folder;
    EXPECT_EQ(value_of(*file, "a"), 1.0f);
    EXPECT_EQ(value_of(*file, "b"), 3.0f);
    EXPECT_EQ(value_of(*file, "c"), 4.0f);
    EXPECT_EQ(file->find("b")->shape, (std::vector<int64_t>{1, 1}));
  }
}

TEST(Checkpoint, PrefersOneSafetensorsFileThenShardsThenBin) {
  const TemporaryFolder folder;
  const auto put_all = [&](const std::string& from) {
    for (const auto& entry : std::filesystem::directory_iterator(data_path(from))) {
      folder.write(entry.path().filename().string(), file_bytes(entry.path().string()));
    }
  };
  put_all("sharded_bin");
  EXPECT_EQ(open_checkpoint(folder.path())->path(), folder / "pytorch_model.bin.index.json");
  folder.write("pytorch_model.bin", file_bytes(data_path("small.bin")));
  EXPECT_EQ(open_checkpoint(folder.path())->path(), folder / "pytorch_model.bin");
  put_all("sharded_safetensors");
  EXPECT_EQ(open_checkpoint(folder.path())->path(), folder / "model.safetensors.index.json");
  folder.write("model.safetensors", file_bytes(data_path("small.safetensors")));
  EXPECT_EQ(open_checkpoint(folder.path())->path(), folder / "model.safetensors");
}

TEST(Checkpoint, FollowsLinksOutOfTheFolder) {
  const TemporaryFolder blobs, folder;  // as in the cache of the Hugging Face hub
  std::filesystem::create_symlink(blobs.write("0123", file_bytes(data_path("small.safetensors"))),
                                  folder / "model.safetensors");
  EXPECT_EQ(value_of(*open_checkpoint(folder.path()), "scalar"), 42.0f);
}

TEST(Checkpoint, NamesALinkWhoseFileIsMissing) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink(folder / "gone", folder / "model.safetensors");
  expect_message(folder.path(), "model.safetensors: is a link to a file that is missing");
}

TEST(Checkpoint, SaysWhatItLookedForAndWhatIsThere) {
  const TemporaryFolder folder;
  expect_message(folder / "gone", "gone: there is no such folder");
  expect_message(folder.path(),
                 "no weights found; looked for model.safetensors, model.safetensors.index.json, "
                 "pytorch_model.bin and "
                 "pytorch_model.bin.index.json; the folder is empty");
  folder.write("config.json", "{}");
  folder.write("vocab.json", "{}");
  expect_message(folder.path(), "; the folder holds config.json and vocab.json");
  folder.write("tf_model.h5", "x");
  expect_message(folder.path(),
                 "; found tf_model.h5, which is TensorFlow's format, which is not supported");
  folder.write("adapter_model.safetensors", "x");
  expect_message(folder.path(), "; found adapter_model.safetensors, which holds an adapter (LoRA)");
  expect_message(folder / "config.json", "config.json: is a file, not a model folder");
}

TEST(Checkpoint, NamesTheMissingShardAndTheMissingTensor) {
  const TemporaryFolder folder;
  folder.write("model.safetensors.index.json",
               R"({"weight_map": {"a": "one.safetensors", "z": "one.safetensors"}})");
  expect_message(folder.path(),
                 "needs the file one.safetensors, which is missing in " + folder.path());
  folder.write("one.safetensors",
               file_bytes(data_path("sharded_safetensors/model-00001-of-00002.safetensors")));
  expect_message(folder.path(),
                 "says that tensor \"z\" is in one.safetensors, but it is not there");
  folder.write("one.safetensors", "");
  expect_message(folder.path(), "one.safetensors: is empty");
}

TEST(Checkpoint, RefusesMalformedIndexes) {
  const auto parse = [](std::span<const std::byte> bytes) {
    parse_weight_map({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "file");
  };
  const auto map = [](const std::string& shard) {
    return "{\"weight_map\": {\"w\": " + shard + "}}";
  };
  testing::expect_refused(
      parse, {{"empty", "", "is not valid JSON"},
              {"open", "{\"weight_map\":", "is not valid JSON"},
              {"bad UTF-8", map("\"\xff\""), "is not valid JSON"},
              {"array", "[]", "has no \"weight_map\""},
              {"no map", "{}", "has no \"weight_map\""},
              {"map as text", "{\"weight_map\": \"x\"}", "has no \"weight_map\""},
              {"empty map", "{\"weight_map\": {}}", "has no \"weight_map\""},
              {"deep nesting", testing::repeat("[", 100'000), "nests deeper"},
              {"number", map("1"),
               "tensor \"w\" should be in 1, which is not the name of a file in this folder"},
              {"parent", map("\"../secret\""), "should be in \"../secret\", which is not the name"},
              {"absolute", map("\"/etc/passwd\""), "not the name of a file"},
              {"subfolder", map("\"a/b\""), "not the name of a file"},
              {"backslash", map("\"a\\\\b\""), "not the name of a file"},
              {"zero byte", map("\"a\\u0000b\""), "not the name of a file"},
              {"dots", map("\"..\""), "not the name of a file"},
              {"nothing", map("\"\""), "not the name of a file"}});
}

}  // namespace
}  // namespace inseq::io
