#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "support/http/test_server.h"

namespace inseq::testing {

/// A test server that plays the Hugging Face hub, with an environment that points at it: no test
/// sees the user's caches, tokens, proxies or network.
class FakeHub : public ::testing::Test {
 protected:
  using Json = TestServer::Json;

  FakeHub() : server(shared_server()) {
    server.reset();
    for (const char* name :
         {"XDG_CACHE_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_TOKEN_PATH",
          "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE",
          "HF_HUB_DISABLE_SYMLINKS", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "http_proxy", "HTTP_PROXY",
          "all_proxy", "ALL_PROXY"}) {
      environment.set(name, nullptr);
    }
    environment.set("HOME", folder.path());
    environment.set("HF_HOME", folder.path() + "/hf");
    environment.set("HF_ENDPOINT", server.address());
  }

  std::string cache() const { return folder.path() + "/hf/hub"; }
  std::string repository(const std::string& id) const {
    return cache() + "/models--" + std::string(id).replace(id.find('/'), 1, "--");
  }
  std::string snapshot(const std::string& id) const {
    return repository(id) + "/snapshots/" + commit;
  }
  static std::string api(const std::string& id, const std::string& revision = "main") {
    return "/api/models/" + id + "/revision/" + revision;
  }
  std::string resolve(const std::string& id, const std::string& name) const {
    return "/" + id + "/resolve/" + commit + "/" + name;
  }

  /// The repository's list of files.
  void list(const std::string& id, const std::vector<std::string>& names,
            const std::string& revision = "main") {
    Json siblings = Json::array();
    for (const std::string& name : names) siblings.push_back({{"rfilename", name}});
    server.answer(api(id, revision),
                  {{{"body", Json{{"sha", commit}, {"siblings", siblings}}.dump()}}});
  }
  /// A small file, which the hub serves itself.
  void add_text(const std::string& id, const std::string& name, const std::string& body) {
    server.answer(resolve(id, name),
                  {{{"body", body}, {"etag", "git"}, {"headers", {{"X-Repo-Commit", commit}}}}});
  }
  /// A large file, which the hub describes and redirects to; `answers` are those of the other
  /// place.
  void add_large(const std::string& id, const std::string& name, size_t size,
                 const std::vector<Json>& answers) {
    server.answer(resolve(id, name),
                  {{{"status", 302},
                    {"linked", {{"fill", size}}},
                    {"headers", {{"Location", large_url(name)}, {"X-Repo-Commit", commit}}}}});
    server.answer("/large/" + name, answers);
  }
  /// Another host name for the same server: another place as far as a client can see.
  std::string large_url(const std::string& name) const {
    return "http://localhost:" + server.port() + "/large/" + name;
  }
  /// A whole model: config.json, tokenizer.json, model.safetensors of 100000 bytes, and what is not
  /// needed.
  void add_model(const std::string& id) {
    list(id, {"README.md", "config.json", "model.safetensors", "tokenizer.json", "tf_model.h5"});
    add_text(id, "config.json", "{}");
    add_text(id, "tokenizer.json", "{\"version\": 1}");
    add_large(id, "model.safetensors", kLarge, {{{"fill", kLarge}}});
  }

  static constexpr std::chrono::milliseconds kShort{1};  // between attempts
  static constexpr size_t kLarge = 100000;
  const std::string commit = "0123456789abcdef0123456789abcdef01234567";
  TestServer& server;
  TemporaryFolder folder;
  Environment environment;
};

/// That a file holds `expected`; says no more than sizes when it does not.
inline void expect_content(const std::string& path, const std::string& expected) {
  const std::string found = content_of(path);
  EXPECT_TRUE(found == expected) << path << ": " << found.size() << " bytes, expected "
                                 << expected.size() << ", or others";
}

/// That a message holds a text.
#define EXPECT_SAYS(message, part) EXPECT_NE((message).find(part), std::string::npos) << message

/// What a call's exception says; fails when there is none of that type.
template <typename Kind, typename Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const Kind& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another kind of error: " << error.what();
    return "";
  }
  ADD_FAILURE() << "no error";
  return "";
}

}  // namespace inseq::testing
