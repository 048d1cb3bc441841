#include "io/model_location.h"

#include <filesystem>

#include "io/hub_http.h"
#include "support/http/fake_hub.h"

namespace inseq::io {
namespace {

namespace fs = std::filesystem;
using testing::content_of;
using testing::message_of;
using testing::write_content;
using Names = std::vector<std::string>;

class ModelLocationTest : public testing::FakeHub {
 protected:
  std::string missing(const std::string& name, const LocationOptions& options = {}) {
    return message_of<InvalidArgument>([&] { locate_model(name, options); });
  }
  /// A model in the cache, as Python leaves it there.
  void cache_model(const std::string& id, const Names& names) {
    for (const std::string& name : names) {
      write_content(repository(id) + "/blobs/etag-of-" + name, name);
      fs::create_directories(snapshot(id));
      fs::create_symlink("../../blobs/etag-of-" + name, snapshot(id) + "/" + name);
    }
    write_content(repository(id) + "/refs/main", commit);
  }
};

TEST_F(ModelLocationTest, TakesAFolderWithAConfiguration) {
  const std::string path = folder.path() + "/model";
  write_content(path + "/config.json", "{}");
  for (const std::string& name : {path, path + "/"}) {
    const ModelLocation model = locate_model(name);
    EXPECT_EQ(model.path, name);
    EXPECT_EQ(model.name, name);
    EXPECT_FALSE(model.is_gguf);
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(ModelLocationTest, SaysWhatAFolderWithoutConfigurationHolds) {
  const std::string path = folder.path() + "/model";
  fs::create_directories(path);
  EXPECT_SAYS(missing(path), "holds no config.json, so it is no model; it is empty");
  write_content(path + "/model.safetensors", "");
  write_content(path + "/q4.gguf", "");
  const std::string message = missing(path);
  EXPECT_SAYS(message, "it holds model.safetensors and q4.gguf");
  EXPECT_SAYS(message, "to use its GGUF file, name " + path + "/q4.gguf");
}

TEST_F(ModelLocationTest, TakesAGgufFileAndNoOther) {
  const std::string path = folder.path() + "/q4.gguf";
  write_content(path, "GGUF");
  EXPECT_TRUE(locate_model(path).is_gguf);
  EXPECT_EQ(locate_model(path).path, path);
  write_content(folder.path() + "/model.safetensors", "");
  EXPECT_SAYS(missing(folder.path() + "/model.safetensors"), "is a file, but no .gguf file");
}

TEST_F(ModelLocationTest, SuggestsAPathNearby) {
  write_content(folder.path() + "/models/opus-mt/config.json", "{}");
  const std::string message = missing(folder.path() + "/models/opus-my");
  EXPECT_SAYS(message, "did you mean \"" + folder.path() + "/models/opus-mt\"?");
  EXPECT_SAYS(missing("/nowhere/q4.gguf"), "there is no file or folder /nowhere/q4.gguf");
  EXPECT_SAYS(missing("q4.gguf"), "there is no file or folder q4.gguf");
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(ModelLocationTest, FindsTheDefaultModel) {
  environment.set("XDG_CACHE_HOME", folder.path() + "/xdg");
  EXPECT_EQ(cache_folder(), folder.path() + "/xdg/inseq");
  const std::string path = folder.path() + "/xdg/inseq/models/SmolLM2-135M-Instruct.Q4_1.gguf";
  EXPECT_EQ(default_model_path(), path);
  std::string message = missing("");
  EXPECT_SAYS(message, path);
  EXPECT_SAYS(message, "./dev setup");
  EXPECT_SAYS(message, "--model_name_or_path");

  write_content(path, "GGUF");
  message = message_of<FormatError>([] { locate_model(""); });
  EXPECT_SAYS(message, "has 4 bytes, the default model has 98362432");
  fs::resize_file(path, 98362432);
  for (const char* name : {"", "SmolLM2-135M-Instruct"}) {
    const ModelLocation model = locate_model(name);
    EXPECT_EQ(model.path, path);
    EXPECT_EQ(model.name, "SmolLM2-135M-Instruct");
    EXPECT_TRUE(model.is_gguf);
  }
  environment.set("XDG_CACHE_HOME", nullptr);
  EXPECT_EQ(cache_folder(), folder.path() + "/.cache/inseq");
}

TEST_F(ModelLocationTest, TakesAModelFromTheCacheWithoutAsking) {
  cache_model("org/name", {"config.json", "model.safetensors", "tokenizer.json"});
  const ModelLocation model = locate_model("org/name");
  EXPECT_EQ(model.path, snapshot("org/name"));
  EXPECT_EQ(model.name, "org/name");
  EXPECT_FALSE(model.is_gguf);
  EXPECT_EQ(locate_model("org/name", {.revision = commit}).path, snapshot("org/name"));
  EXPECT_EQ(locate_model("org/name", {.revision = ""}).path, snapshot("org/name"));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(ModelLocationTest, DownloadsOnceAndThenHasIt) {
  add_model("org/name");
  const ModelLocation model = locate_model("org/name");
  EXPECT_EQ(model.path, snapshot("org/name"));
  EXPECT_EQ(content_of(model.path + "/config.json"), "{}");
  server.reset();
  environment.set("HF_HUB_OFFLINE", "1");
  EXPECT_EQ(locate_model("org/name").path, model.path);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(ModelLocationTest, TwoProcessesFetchEachFileOnce) {
  add_model("org/name");
  const pid_t child = fork();
  if (child == 0) {
    int code = 1;
    try {
      code = locate_model("org/name").path == snapshot("org/name") ? 0 : 1;
    } catch (const Error&) {
    }
    _exit(code);
  }
  EXPECT_EQ(locate_model("org/name").path, snapshot("org/name"));
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  for (const std::string& name :
       {resolve("org/name", "config.json"), resolve("org/name", "tokenizer.json"),
        std::string("/large/model.safetensors")}) {
    EXPECT_EQ(server.header("GET " + name, "host").size(), 1u) << name;
  }
  testing::expect_content(snapshot("org/name") + "/model.safetensors",
                          testing::fill_pattern(kLarge));
}

TEST_F(ModelLocationTest, CompletesAPartialCopy) {
  add_model("org/name");
  cache_model("org/name", {"config.json"});
  EXPECT_EQ(locate_model("org/name").path, snapshot("org/name"));
  EXPECT_EQ(content_of(snapshot("org/name") + "/config.json"), "config.json");
  EXPECT_EQ(content_of(snapshot("org/name") + "/model.safetensors").size(), kLarge);
}

TEST_F(ModelLocationTest, FetchesATokenizerThatTheCacheLacksButLivesWithoutTheHub) {
  cache_model("org/name", {"config.json", "model.safetensors"});
  server.answer(api("org/name"), {{{"status", 501}}});  // which is not worth another attempt
  EXPECT_EQ(locate_model("org/name").path, snapshot("org/name"));
  EXPECT_FALSE(fs::exists(snapshot("org/name") + "/tokenizer.json"));
  add_model("org/name");
  EXPECT_EQ(locate_model("org/name").path, snapshot("org/name"));
  EXPECT_TRUE(fs::exists(snapshot("org/name") + "/tokenizer.json"));
}

TEST_F(ModelLocationTest, SaysEveryPlaceWhenOffline) {
  cache_model("org/name", {"config.json", "tokenizer.json"});
  cache_model("org/other", {"config.json"});
  const LocationOptions offline{.offline = true};
  std::string message = missing("org/name", offline);
  EXPECT_SAYS(message, "its copy in the cache " + cache() + " lacks model.safetensors");
  EXPECT_SAYS(message, "downloads are switched off");
  EXPECT_SAYS(missing("org/othr", offline), "did you mean \"org/other\"?");
  EXPECT_SAYS(missing("org/name", {.revision = "v2", .offline = true}),
              "it is not in the cache " + cache() + " at this revision (there: main)");
  environment.set("HF_HUB_OFFLINE", "1");
  EXPECT_SAYS(missing("org/nothing"), "there is no file or folder of that name");
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(ModelLocationTest, SaysEveryPlaceWhenTheHubDoesNotKnowTheName) {
  const std::string message = missing("org/name");
  EXPECT_SAYS(message, "there is no hub model \"org/name\" (" + server.address());
  EXPECT_SAYS(message, "there is no file or folder of that name");
  EXPECT_SAYS(message, "it is not in the cache " + cache());
}

TEST_F(ModelLocationTest, TakesOneGgufFileOfAHubModel) {
  list("org/name", {"README.md", "q4.gguf", "q8.gguf"});
  server.answer(resolve("org/name", "q4.gguf"), {{{"fill", 500}, {"etag", "sha256"}}});
  EXPECT_SAYS(missing("org/name"), "name one of them, as in \"org/name/q4.gguf\"");
  for (int time = 0; time < 2; ++time) {
    const ModelLocation model = locate_model("org/name/q4.gguf");
    EXPECT_TRUE(model.is_gguf);
    EXPECT_EQ(model.path, snapshot("org/name") + "/q4.gguf");
    EXPECT_EQ(model.name, "org/name/q4.gguf");
    EXPECT_EQ(content_of(model.path).size(), 500u);
  }
  EXPECT_EQ(server.header("GET " + resolve("org/name", "q4.gguf"), "range").size(), 1u);
}

TEST_F(ModelLocationTest, RefusesRevisionsThatAreNone) {
  EXPECT_SAYS(missing("org/name", {.revision = "../../x"}), "\"../../x\" cannot be a revision");
  EXPECT_SAYS(missing("org/name", {.revision = "a\x1b"}), "\"a␛\"");
}

TEST_F(ModelLocationTest, HandsInterruptionsOn) {
  add_model("org/name");
  const LocationOptions options{.progress = [](const Progress&) { throw Interrupted("stop"); }};
  EXPECT_THROW(locate_model("org/name", options), Interrupted);
  EXPECT_FALSE(fs::exists(repository("org/name") + "/refs"));
}

TEST_F(ModelLocationTest, FindsDemoModels) {
  const ModelLocation found = locate_model("demo:en-fr");
  EXPECT_EQ(found.name, "demo:en-fr");
  EXPECT_FALSE(found.is_gguf);
  EXPECT_TRUE(fs::is_regular_file(fs::path(found.path) / "source.spm"));
}

TEST_F(ModelLocationTest, OffersDemoModelsAndSaysWhereTheyAreSought) {
  EXPECT_SAYS(missing("demo:en-fb"), "there is no demo model \"en-fb\"; did you mean \"en-fr\"?");
  const std::string place = folder.path() + "/demo";
  setenv("INSEQ_DEMO_MODELS", place.c_str(), 1);
  EXPECT_SAYS(missing("demo:en-fr"), "looked in " + place);
  write_content(place + "/xx/config.json", "{}");
  EXPECT_EQ(locate_model("demo:xx").path, place + "/xx");
  unsetenv("INSEQ_DEMO_MODELS");
}

}  // namespace
}  // namespace inseq::io
