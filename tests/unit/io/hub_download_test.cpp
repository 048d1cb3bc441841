#include "io/hub_download.h"

#include <algorithm>
#include <filesystem>

#include "io/checksum.h"
#include "io/hub_http.h"
#include "io/hub_lock.h"
#include "support/http/fake_hub.h"

namespace inseq::io {
namespace {

namespace fs = std::filesystem;
using testing::content_of;
using testing::message_of;
using testing::write_content;
using Names = std::vector<std::string>;

const std::string kId = "org/name";

class HubDownloadTest : public testing::FakeHub {
 protected:
  std::string download(const std::string& file = "", const std::string& revision = "main") {
    HubRequest request{.id = kId, .revision = revision, .file = file, .settings = hub_settings()};
    request.settings.retry_pause = kShort;
    request.progress = progress;
    request.tried = "it is not in the cache";
    return download_from_hub(request);
  }
  /// The message of an error while downloading.
  template <typename Kind>
  std::string failure(const std::string& file = "", const std::string& revision = "main") {
    return message_of<Kind>([&] { download(file, revision); });
  }
  /// Files under the cache, sorted.
  Names tree() const {
    Names names;
    for (const auto& entry : fs::recursive_directory_iterator(cache())) {
      if (!entry.is_directory()) names.push_back(fs::relative(entry.path(), cache()).string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  bool asked_for(const std::string& part) const {
    const Names requests = server.requests();
    return std::any_of(requests.begin(), requests.end(), [&](const std::string& request) {
      return request.find(part) != std::string::npos;
    });
  }
  /// Answers of one status to the request for the list of files.
  void refuse(int status, const Json& headers) {
    server.answer(api(kId), {{{"status", status}, {"headers", headers}}});
  }

  ProgressCallback progress;
};

TEST_F(HubDownloadTest, FillsTheCacheAsHuggingFaceHubLaysItOut) {
  add_model(kId);
  EXPECT_EQ(download(), snapshot(kId));
  const std::string config = "9e26dfeeb6e641a33dae4961196235bdb965b21b";  // git hash-object of {}
  EXPECT_EQ(fs::read_symlink(snapshot(kId) + "/config.json"), "../../blobs/" + config);
  EXPECT_EQ(content_of(snapshot(kId) + "/config.json"), "{}");
  testing::expect_content(snapshot(kId) + "/model.safetensors", testing::fill_pattern(kLarge));
  const std::string blob = fs::read_symlink(snapshot(kId) + "/model.safetensors").filename();
  EXPECT_EQ(blob, sha256_of_file(snapshot(kId) + "/model.safetensors"));
  EXPECT_EQ(content_of(repository(kId) + "/refs/main"), commit);
  EXPECT_TRUE(fs::exists(cache() + "/.locks/models--org--name/" + config + ".lock"));
  EXPECT_EQ(tree().size(), 3u + 3u + 3u + 1u);  // locks, blobs, links, ref
  EXPECT_FALSE(asked_for("README.md"));
  EXPECT_FALSE(asked_for("tf_model"));
}

TEST_F(HubDownloadTest, SendsTheTokenToTheHubAndNowhereElse) {
  environment.set("HF_TOKEN", "hf_secret");
  add_model(kId);
  download();
  EXPECT_EQ(server.header("GET " + api(kId), "authorization"), Names{"Bearer hf_secret"});
  EXPECT_EQ(server.header("GET " + resolve(kId, "config.json"), "authorization"),
            Names{"Bearer hf_secret"});
  EXPECT_EQ(server.header("GET /large/model.safetensors", "authorization"), Names{""});
}

TEST_F(HubDownloadTest, SendsNoTokenWhenToldSo) {
  environment.set("HF_TOKEN", "hf_secret");
  environment.set("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
  add_model(kId);
  download();
  EXPECT_EQ(server.header("GET " + api(kId), "authorization"), Names{""});
}

TEST_F(HubDownloadTest, FetchesShardsAndWhatTheyBelongTo) {
  list(kId, {"config.json", "model.safetensors.index.json", "1.safetensors", "2.safetensors",
             "3.safetensors"});
  add_text(kId, "config.json", "{}");
  add_text(kId, "model.safetensors.index.json",
           R"({"weight_map": {"a": "2.safetensors", "b": "1.safetensors"}})");
  add_large(kId, "1.safetensors", 1000, {{{"fill", 1000}}});
  add_large(kId, "2.safetensors", 2000, {{{"fill", 2000}}});
  download();
  testing::expect_content(snapshot(kId) + "/1.safetensors", testing::fill_pattern(1000));
  testing::expect_content(snapshot(kId) + "/2.safetensors", testing::fill_pattern(2000));
  EXPECT_FALSE(asked_for("3.safetensors"));
}

TEST_F(HubDownloadTest, RefusesIndexesThatLeadOutOfTheCacheOrNowhere) {
  list(kId, {"config.json", "model.safetensors.index.json", "../../../evil"});
  add_text(kId, "config.json", "{}");
  add_text(kId, "model.safetensors.index.json", R"({"weight_map": {"a": "../../../evil"}})");
  EXPECT_SAYS(failure<FormatError>(), "../../../evil");
  EXPECT_FALSE(asked_for("evil"));
  fs::remove_all(cache());
  add_text(kId, "model.safetensors.index.json", R"({"weight_map": {"a": "gone.safetensors"}})");
  EXPECT_SAYS(failure<FormatError>(), "\"gone.safetensors\", which the hub model");
  EXPECT_FALSE(fs::exists(repository(kId) + "/refs"));
}

TEST_F(HubDownloadTest, FetchesOneGgufFile) {
  list(kId, {"README.md", "deep/q4 k.gguf", "q8.gguf"});
  server.answer("/" + kId + "/resolve/" + commit + "/deep/q4%20k.gguf",
                {{{"fill", 500}, {"etag", "sha256"}}});
  const std::string folder = download("deep/q4 k.gguf");
  testing::expect_content(folder + "/deep/q4 k.gguf", testing::fill_pattern(500));
  const std::string message = failure<InvalidArgument>("q5.gguf");
  EXPECT_SAYS(message, "has no file \"q5.gguf\"; it has deep/q4 k.gguf and q8.gguf");
}

TEST_F(HubDownloadTest, ReportsBytesOfAll) {
  add_model(kId);
  std::vector<Progress> reports;
  progress = [&](const Progress& now) { reports.push_back(now); };
  download();
  EXPECT_EQ(reports.back().task, "Downloading org/name: model.safetensors");
  EXPECT_EQ(reports.back().unit, "bytes");
  EXPECT_EQ(reports.back().done, 2 + 14 + static_cast<int64_t>(kLarge));
  EXPECT_EQ(reports.back().total, reports.back().done);
}

TEST_F(HubDownloadTest, GoesOnWhereItWasInterrupted) {
  add_model(kId);
  add_large(kId, "model.safetensors", kLarge,
            {{{"fill", kLarge}, {"drop_after", 40000}}, {{"fill", kLarge}}});
  progress = [](const Progress& now) {
    if (now.done == 2 + 14 + 40000) throw Interrupted("stop");
  };
  EXPECT_THROW(download(), Interrupted);
  EXPECT_FALSE(fs::exists(repository(kId) + "/refs"));
  EXPECT_FALSE(fs::exists(snapshot(kId) + "/model.safetensors"));
  progress = nullptr;
  server.forget_requests();
  download();
  testing::expect_content(snapshot(kId) + "/model.safetensors", testing::fill_pattern(kLarge));
  EXPECT_EQ(server.header("GET /large/model.safetensors", "range"), Names{"bytes=40000-"});
  EXPECT_FALSE(asked_for("config.json"));  // it was complete
  EXPECT_TRUE(fs::exists(repository(kId) + "/refs/main"));
}

TEST_F(HubDownloadTest, UsesBlobsOfOtherCommits) {
  add_model(kId);
  write_content(repository(kId) + "/blobs/9e26dfeeb6e641a33dae4961196235bdb965b21b", "{}");
  download();
  EXPECT_EQ(content_of(snapshot(kId) + "/config.json"), "{}");
  EXPECT_FALSE(asked_for("GET " + resolve(kId, "config.json")));
}

TEST_F(HubDownloadTest, WaitsForAnotherProcessAndTakesWhatItFetched) {
  add_model(kId);
  const std::string etag = "9e26dfeeb6e641a33dae4961196235bdb965b21b";
  fs::create_directories(cache() + "/.locks/models--org--name");
  auto other =
      std::make_unique<FileLock>(cache() + "/.locks/models--org--name/" + etag + ".lock", nullptr);
  bool waited = false;
  progress = [&](const Progress& now) {
    if (!other || !now.task.starts_with("Waiting for another process")) return;
    waited = true;
    write_content(repository(kId) + "/blobs/" + etag, "{}");
    other.reset();
  };
  download();
  EXPECT_TRUE(waited);
  EXPECT_FALSE(asked_for("GET " + resolve(kId, "config.json")));
  EXPECT_EQ(content_of(snapshot(kId) + "/config.json"), "{}");
}

TEST_F(HubDownloadTest, NotesOtherRevisions) {
  add_model(kId);
  list(kId, {"config.json", "model.safetensors"}, "refs%2Fpr%2F1");
  download("", "refs/pr/1");
  EXPECT_EQ(content_of(repository(kId) + "/refs/refs/pr/1"), commit);
  list(kId, {"config.json", "model.safetensors"}, commit);
  EXPECT_EQ(download("", commit), snapshot(kId));
  EXPECT_FALSE(fs::exists(repository(kId) + "/refs/" + commit));
}

TEST_F(HubDownloadTest, MovesFilesWhereLinksAreDisabled) {
  environment.set("HF_HUB_DISABLE_SYMLINKS", "1");
  add_model(kId);
  download();
  EXPECT_FALSE(fs::is_symlink(snapshot(kId) + "/config.json"));
  server.forget_requests();
  download();
  EXPECT_FALSE(asked_for("resolve"));
}

TEST_F(HubDownloadTest, FollowsRenamedModels) {
  add_model(kId);
  server.answer("/api/models/old/revision/main",
                {{{"status", 307}, {"headers", {{"Location", api(kId)}}}}});
  for (const char* name : {"config.json", "tokenizer.json", "model.safetensors"}) {
    server.answer(resolve("old", name),
                  {{{"status", 307}, {"headers", {{"Location", resolve(kId, name)}}}}});
  }
  const std::string path = download_from_hub({.id = "old", .settings = hub_settings()});
  EXPECT_EQ(path, cache() + "/models--old/snapshots/" + commit);
  testing::expect_content(path + "/model.safetensors", testing::fill_pattern(kLarge));
}

TEST_F(HubDownloadTest, RefusesWrongChecksums) {
  add_model(kId);
  server.answer(resolve(kId, "config.json"),
                {{{"body", "{}"}, {"headers", {{"ETag", '"' + std::string(40, '0') + '"'}}}}});
  EXPECT_SAYS(failure<FormatError>(), "org/name/config.json");
  EXPECT_FALSE(fs::exists(snapshot(kId) + "/config.json"));
  EXPECT_FALSE(fs::exists(repository(kId) + "/refs"));
}

TEST_F(HubDownloadTest, RefusesEtagsThatAreNoFileNames) {
  add_model(kId);
  for (const char* etag : {"", "\"../../evil\"", "\".x\"", "\"a b\""}) {
    server.answer(resolve(kId, "config.json"), {{{"body", "{}"}, {"headers", {{"ETag", etag}}}}});
    EXPECT_SAYS(failure<FormatError>(), "no usable ETag");
  }
}

TEST_F(HubDownloadTest, RefusesAnotherCommit) {
  add_model(kId);
  server.answer(resolve(kId, "config.json"),
                {{{"body", "{}"}, {"etag", "git"}, {"headers", {{"X-Repo-Commit", "ffff"}}}}});
  EXPECT_SAYS(failure<FormatError>(), "belongs to commit ffff");
}

TEST_F(HubDownloadTest, SaysBeforehandThatTheDiskIsTooSmall) {
  add_model(kId);
  server.answer(resolve(kId, "model.safetensors"), {{{"status", 302},
                                                     {"headers",
                                                      {{"Location", large_url("x")},
                                                       {"X-Linked-Etag", std::string(64, '0')},
                                                       {"X-Linked-Size", "900000000000000"}}}}});
  const std::string message = failure<DownloadError>();
  EXPECT_SAYS(message, "needs 900000000000016 bytes");
  EXPECT_SAYS(message, "make room");
  EXPECT_FALSE(asked_for("GET " + resolve(kId, "config.json")));
}

TEST_F(HubDownloadTest, RefusesSizesThatNoFileHas) {
  add_model(kId);
  server.answer(resolve(kId, "model.safetensors"),
                {{{"status", 302},
                  {"headers",
                   {{"Location", large_url("x")},
                    {"X-Linked-Etag", std::string(64, '0')},
                    {"X-Linked-Size", "9223372036854775807"}}}}});
  EXPECT_SAYS(failure<FormatError>(), "announces 9223372036854775807 bytes");
}

TEST_F(HubDownloadTest, RefusesListsThatMakeNoSense) {
  for (const char* body :
       {"", "<html>", "[]", "{}", R"({"sha": "../..", "siblings": []})",
        R"({"sha": 1, "siblings": []})",
        R"({"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": {}})"}) {
    server.answer(api(kId), {{{"body", body}}});
    EXPECT_SAYS(failure<FormatError>(), "no description of a model");
  }
  server.answer(api(kId),
                {{{"body", Json{{"sha", commit}, {"siblings", {1, {{"rfilename", 2}}}}}.dump()}}});
  EXPECT_SAYS(failure<InvalidArgument>(), "it is empty");
  EXPECT_FALSE(fs::exists(repository(kId) + "/snapshots"));
}

TEST_F(HubDownloadTest, ExplainsRefusals) {
  refuse(404, {{"X-Error-Code", "RepoNotFound"}, {"X-Error-Message", "Repository not found"}});
  std::string message = failure<InvalidArgument>();
  EXPECT_SAYS(message, "there is no hub model \"org/name\" (" + server.address());
  EXPECT_SAYS(message, "404 (Repository not found)");
  EXPECT_SAYS(message, "it is not in the cache");

  refuse(404, {{"X-Error-Code", "RevisionNotFound"}});
  EXPECT_SAYS(failure<InvalidArgument>(), "has no revision \"main\"");

  refuse(401, {{"X-Error-Code", "RepoNotFound"}});
  EXPECT_SAYS(failure<InvalidArgument>(), "or set HF_TOKEN to an access token");

  refuse(401, {{"X-Error-Code", "GatedRepo"}});
  message = failure<InvalidArgument>();
  EXPECT_SAYS(message, "ask for access at " + server.address() + "/org/name, then set HF_TOKEN");

  environment.set("HF_TOKEN", "hf_secret");
  refuse(403, {{"X-Error-Code", "GatedRepo"}});
  message = failure<InvalidArgument>();
  EXPECT_SAYS(message, "the access token that was sent");
  EXPECT_EQ(message.find("hf_secret"), std::string::npos);
  refuse(401, Json::object());
  EXPECT_SAYS(failure<InvalidArgument>(), "check the name and the access token");
}

TEST_F(HubDownloadTest, ExplainsRefusalsOfSingleFiles) {
  add_model(kId);
  server.answer(resolve(kId, "model.safetensors"),
                {{{"status", 403}, {"headers", {{"X-Error-Code", "GatedRepo"}}}}});
  EXPECT_SAYS(failure<InvalidArgument>(), "\"org/name/model.safetensors\" is gated");
}

TEST_F(HubDownloadTest, RidesOutPassingTroubleAndReportsLastingTrouble) {
  add_model(kId);
  const std::string body = Json{{"sha", commit}, {"siblings", Json::array()}}.dump();
  server.answer(api(kId), {{{"status", 500}}, {{"body", body}}});
  EXPECT_SAYS(failure<InvalidArgument>(), "it is empty");
  refuse(500, Json::object());
  EXPECT_SAYS(failure<DownloadError>(), "the server answered 500");
}

}  // namespace
}  // namespace inseq::io
