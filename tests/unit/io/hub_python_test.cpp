#include <cstdio>

#include "io/model_location.h"
#include "support/http/fake_hub.h"

namespace inseq::io {
namespace {

/// The cache is shared with Python's huggingface_hub. Runs where INSEQ_REFERENCE_PYTHON names an
/// interpreter that has it.
class HubPythonTest : public testing::FakeHub {
 protected:
  void SetUp() override {
    const char* interpreter = std::getenv("INSEQ_REFERENCE_PYTHON");
    if (interpreter == nullptr) GTEST_SKIP() << "INSEQ_REFERENCE_PYTHON is not set";
    python = interpreter;
    environment.set("HF_HUB_DISABLE_TELEMETRY", "1");
    environment.set("HF_HUB_DISABLE_XET", "1");
  }
  /// What a program prints.
  std::string run(const std::string& program) {
    testing::write_content(folder.path() + "/program.py", program);
    std::string printed;
    FILE* pipe = popen((python + " " + folder.path() + "/program.py").c_str(), "r");
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) printed += static_cast<char>(c);
    EXPECT_EQ(pclose(pipe), 0);
    return printed;
  }
  std::string python;
};

TEST_F(HubPythonTest, PythonFindsWhatWasDownloadedHere) {
  add_model("org/name");
  locate_model("org/name");
  server.reset();
  const std::string printed = run(R"(
from huggingface_hub import scan_cache_dir, snapshot_download, try_to_load_from_cache
print(snapshot_download("org/name", local_files_only=True))
print(try_to_load_from_cache("org/name", "model.safetensors"))
cache = scan_cache_dir()
repo, = cache.repos
revision, = repo.revisions
print(repo.repo_id, revision.commit_hash, sorted(revision.refs), len(revision.files), len(cache.warnings))
)");
  EXPECT_EQ(printed, snapshot("org/name") + "\n" + snapshot("org/name") + "/model.safetensors\n" +
                         "org/name " + commit + " ['main'] 3 0\n");
}

TEST_F(HubPythonTest, WhatPythonDownloadedIsFoundHere) {
  add_model("org/name");
  for (const char* name : {"config.json", "tokenizer.json", "model.safetensors"}) {
    // Python asks for files of the branch.
    const std::string branch = std::string("/org/name/resolve/main/") + name;
    server.answer(branch,
                  {{{"status", 307}, {"headers", {{"Location", resolve("org/name", name)}}}}});
  }
  run(R"(
from huggingface_hub import hf_hub_download
for name in ("config.json", "tokenizer.json", "model.safetensors"):
    hf_hub_download("org/name", name)
)");
  server.reset();
  EXPECT_EQ(locate_model("org/name").path, snapshot("org/name"));
  EXPECT_TRUE(server.requests().empty());
  EXPECT_EQ(testing::content_of(snapshot("org/name") + "/model.safetensors").size(), kLarge);
}

}  // namespace
}  // namespace inseq::io
