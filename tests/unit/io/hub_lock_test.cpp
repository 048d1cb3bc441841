#include "io/hub_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <filesystem>
#include <optional>

#include "io/hub_http.h"
#include "support/http/fake_hub.h"

namespace inseq::io {
namespace {

TEST(FileLock, WaitsForTheOneWhoHoldsIt) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/x.lock";
  std::optional<FileLock> first(std::in_place, path, nullptr);
  int waits = 0;
  const FileLock second(path, [&] {
    if (++waits == 2) first.reset();
  });
  EXPECT_EQ(waits, 2);
  const int handle = open(path.c_str(), O_RDWR);
  EXPECT_NE(flock(handle, LOCK_EX | LOCK_NB), 0);  // as Python's filelock would find it
  close(handle);
}

TEST(FileLock, IsFreeAfterwards) {
  const testing::TemporaryFolder folder;
  const auto no_wait = [] { FAIL() << "nobody holds it"; };
  {
    const FileLock lock(folder.path() + "/x.lock", no_wait);
  }
  const FileLock lock(folder.path() + "/x.lock", no_wait);
}

TEST(FileLock, IsNotFooledByAFileThatWasReplaced) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/x.lock";
  std::optional<FileLock> first(std::in_place, path, nullptr);
  std::optional<FileLock> replaced;
  int waits = 0;
  const FileLock second(path, [&] {
    if (++waits ==
        1) {  // the first owner removes the file, somebody else makes and locks a new one
      std::filesystem::remove(path);
      first.reset();
      replaced.emplace(path, nullptr);
    } else if (waits == 3) {
      replaced.reset();
    }
  });
  EXPECT_EQ(waits, 3);
}

TEST(FileLock, SaysWhereItCannotBeMade) {
  const std::string message =
      testing::message_of<DownloadError>([] { const FileLock lock("/nowhere/x.lock", nullptr); });
  EXPECT_SAYS(message, "/nowhere/x.lock");
  EXPECT_SAYS(message, "HF_HUB_CACHE");
}

TEST(FileLock, CanBeInterrupted) {
  const testing::TemporaryFolder folder;
  const FileLock first(folder.path() + "/x.lock", nullptr);
  EXPECT_THROW(FileLock(folder.path() + "/x.lock", [] { throw Interrupted("stop"); }), Interrupted);
}

}  // namespace
}  // namespace inseq::io
