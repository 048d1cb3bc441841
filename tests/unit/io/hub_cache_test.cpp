#include "io/hub_cache.h"

#include <filesystem>

#include "io/hub_http.h"
#include "support/http/fake_hub.h"

namespace inseq::io {
namespace {

namespace fs = std::filesystem;
using testing::content_of;
using testing::write_content;

const std::string kCommit(40, 'a');

TEST(HubNames, AreThoseOfHuggingFaceHub) {
  for (const char* name : {"gpt2", "org/name", "Foo-BAR_foo.bar123", "_a/b_", "1/2"}) {
    EXPECT_TRUE(is_hub_name(name)) << name;
  }
  for (const char* name : {"", "/", "a/", "/a", "a/b/c", ".a", "a.", "-a/b", "a/b-", "a--b", "a..b",
                           "a/b.git", "a b", "~/a", "../a", "\xc3\xa9", "a/b\n"}) {
    EXPECT_FALSE(is_hub_name(name)) << name;
  }
  EXPECT_TRUE(is_hub_name(std::string(96, 'a')));
  EXPECT_FALSE(is_hub_name(std::string(97, 'a')));
}

TEST(HubNames, RevisionsStayInTheirFolder) {
  for (const char* name : {"main", "v1.0", "refs/pr/7", "feature-x"}) {
    EXPECT_TRUE(is_revision(name)) << name;
  }
  for (const char* name : {"", "../main", "a/../b", "/main", "a..b", "a\nb"}) {
    EXPECT_FALSE(is_revision(name)) << name;
  }
}

class HubCacheTest : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder;
  HubCache cache{folder.path(), "org/name"};
};

TEST_F(HubCacheTest, FindsTheCommitOfARevision) {
  EXPECT_EQ(cache.commit_of("main"), "");
  fs::create_directories(cache.snapshot(kCommit));
  EXPECT_EQ(cache.commit_of("main"), "");
  EXPECT_EQ(cache.commit_of(kCommit), kCommit);
  cache.write_ref("main", kCommit);
  cache.write_ref("refs/pr/1", kCommit);
  EXPECT_EQ(cache.commit_of("main"), kCommit);
  EXPECT_EQ(cache.commit_of("refs/pr/1"), kCommit);
  EXPECT_EQ(content_of(folder.path() + "/models--org--name/refs/main"), kCommit);
  EXPECT_EQ(cache.revisions(), (std::vector<std::string>{"main", "refs"}));
}

TEST_F(HubCacheTest, TakesNothingButACommitFromARef) {
  fs::create_directories(cache.folder() + "/snapshots");
  fs::create_directories(folder.path() + "/elsewhere");
  for (const char* text : {"../../elsewhere", "", "/", "main"}) {
    write_content(cache.folder() + "/refs/main", text);
    EXPECT_EQ(cache.commit_of("main"), "") << text;
  }
  write_content(cache.folder() + "/refs/main", kCommit);  // whose snapshot is gone
  EXPECT_EQ(cache.commit_of("main"), "");
}

TEST_F(HubCacheTest, WritesNoRefForACommit) {
  cache.write_ref(kCommit, kCommit);
  EXPECT_FALSE(fs::exists(cache.folder() + "/refs"));
}

TEST_F(HubCacheTest, LinksBlobsRelatively) {
  cache.create();
  write_content(cache.blob("e1"), "content");
  cache.add_to_snapshot(kCommit, "config.json", "e1", true);
  cache.add_to_snapshot(kCommit, "q4/deep/x.gguf", "e1", true);
  const fs::path snapshot = cache.snapshot(kCommit);
  EXPECT_EQ(fs::read_symlink(snapshot / "config.json"), "../../blobs/e1");
  EXPECT_EQ(fs::read_symlink(snapshot / "q4/deep/x.gguf"), "../../../../blobs/e1");
  EXPECT_EQ(content_of((snapshot / "q4/deep/x.gguf").string()), "content");
}

TEST_F(HubCacheTest, ReplacesBrokenLinks) {
  cache.create();
  write_content(cache.blob("e1"), "content");
  fs::create_directories(cache.snapshot(kCommit));
  fs::create_symlink("../../blobs/gone", cache.snapshot(kCommit) + "/config.json");
  cache.add_to_snapshot(kCommit, "config.json", "e1", true);
  EXPECT_EQ(content_of(cache.snapshot(kCommit) + "/config.json"), "content");
}

TEST_F(HubCacheTest, MovesBlobsWhereLinksAreNotWanted) {
  cache.create();
  write_content(cache.blob("e1"), "content");
  cache.add_to_snapshot(kCommit, "config.json", "e1", false);
  EXPECT_FALSE(fs::is_symlink(cache.snapshot(kCommit) + "/config.json"));
  EXPECT_EQ(content_of(cache.snapshot(kCommit) + "/config.json"), "content");
  EXPECT_FALSE(fs::exists(cache.blob("e1")));
}

TEST_F(HubCacheTest, SaysWhereItCannotWrite) {
  write_content(folder.path() + "/file", "");
  const HubCache blocked(folder.path() + "/file", "org/name");
  const std::string message = testing::message_of<DownloadError>([&] { blocked.create(); });
  EXPECT_SAYS(message, "/file/models--org--name/blobs");
}

TEST_F(HubCacheTest, ListsModels) {
  fs::create_directories(folder.path() + "/models--gpt2");
  fs::create_directories(folder.path() + "/datasets--org--set");
  cache.create();
  EXPECT_EQ(cached_models(folder.path()), (std::vector<std::string>{"gpt2", "org/name"}));
}

}  // namespace
}  // namespace inseq::io
