#include "io/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "inseq/error.h"
#include "unit/io/make_bytes.h"

namespace inseq::io {
namespace {

using testing::file_bytes;
using testing::TemporaryFolder;

/// Runs `act` and returns the message of the InvalidArgument that it must throw.
template <typename Act>
std::string refusal(Act act) {
  try {
    act();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "(no InvalidArgument was thrown)";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(MappedFile, HoldsTheBytesOfTheFile) {
  const TemporaryFolder folder;
  const MappedFile file(folder.write("x", std::string("a\0b", 3)));
  ASSERT_EQ(file.bytes().size(), 3u);
  EXPECT_EQ(file.bytes()[2], std::byte{'b'});
  EXPECT_EQ(file.path(), folder / "x");
  EXPECT_TRUE(MappedFile(folder.write("empty", "")).bytes().empty());
}

TEST(MappedFile, SaysWhyAFileCannotBeOpened) {
  const TemporaryFolder folder;
  EXPECT_TRUE(contains(refusal([&] { MappedFile(folder / "gone"); }),
                       "gone: cannot be opened: No such file"));
  EXPECT_TRUE(contains(refusal([&] { MappedFile(folder.path()); }), "is a folder, not a file"));
  EXPECT_TRUE(
      contains(refusal([] { MappedFile("/dev/null"); }), "/dev/null: is not a regular file"));
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_TRUE(contains(refusal([&] { MappedFile(folder / "pipe"); }), "is not a regular file"));
}

TEST(MappedFile, NamesTheReasonWhenPermissionIsMissing) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const TemporaryFolder folder;
  const std::string path = folder.write("secret", "x");
  ::chmod(path.c_str(), 0);
  EXPECT_TRUE(
      contains(refusal([&] { MappedFile{path}; }), "secret: cannot be opened: Permission denied"));
}

TEST(ReadText, ReadsFilesUpToTheLimit) {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", std::string(100'000, 'y'));
  EXPECT_EQ(read_text(path), std::string(100'000, 'y'));
  EXPECT_EQ(read_text(path, 100'000).size(), 100'000u);
  EXPECT_TRUE(contains(refusal([&] { read_text(path, 99'999); }),
                       "x: is larger than the 99999 bytes allowed here"));
  EXPECT_TRUE(
      contains(refusal([] { read_text("/dev/zero", 1000); }), "larger than the 1000 bytes"));
  EXPECT_TRUE(contains(refusal([&] { read_text(folder / "gone"); }), "No such file"));
  EXPECT_TRUE(contains(refusal([&] { read_text(folder.path()); }), "is a folder"));
}

TEST(WriteFile, ReplacesTheContentAndKeepsThePermissions) {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", "a much longer content");
  ::chmod(path.c_str(), 0640);
  write_file(path, "new");
  EXPECT_EQ(file_bytes(path), "new");
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640u);
  EXPECT_EQ(folder.count(), 1u);
}

TEST(WriteFile, FollowsSymbolicLinks) {
  const TemporaryFolder folder;
  const std::string path = folder.write("real", "old");
  std::filesystem::create_symlink("real", folder / "link");
  write_file(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(file_bytes(path), "new");
}

TEST(WriteFile, WritesToDevicesInPlace) {
  write_file("/dev/null", "gone");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  EXPECT_TRUE(contains(refusal([] { write_file("/dev/full", "x"); }),
                       "/dev/full: cannot be written: No space left"));
}

TEST(WriteFile, SaysWhyItCannotWrite) {
  const TemporaryFolder folder;
  const auto message = [](const std::string& path) {
    return refusal([&] { write_file(path, "x"); });
  };
  EXPECT_TRUE(contains(message(folder / "no/such/x"), "cannot be written: there is no folder"));
  EXPECT_TRUE(contains(message(folder.path()), "is a folder; name a file to write"));
  EXPECT_TRUE(contains(message(""), "without a proper name"));
  EXPECT_TRUE(contains(message(folder / std::string(300, 'n')), "File name too long"));
  EXPECT_EQ(folder.count(), 0u);
}

TEST(CheckWritable, LeavesNothingBehind) {
  const TemporaryFolder folder;
  check_writable(folder / "new");
  EXPECT_EQ(folder.count(), 0u);
  const std::string path = folder.write("x", "kept");
  check_writable(path);
  EXPECT_EQ(file_bytes(path), "kept");
  EXPECT_EQ(folder.count(), 1u);
  check_writable("/dev/null");
  EXPECT_TRUE(contains(refusal([&] { check_writable(folder / "no/x"); }), "there is no folder"));
}

TEST(CheckWritable, RefusesWriteProtectedFilesAndFolders) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everything";
  const TemporaryFolder folder;
  const std::string path = folder.write("x", "kept");
  ::chmod(path.c_str(), 0444);
  EXPECT_TRUE(
      contains(refusal([&] { check_writable(path); }), "x: cannot be written: Permission denied"));
  ::chmod(folder.path().c_str(), 0555);
  EXPECT_TRUE(contains(refusal([&] { check_writable(folder / "y"); }), "Permission denied"));
  ::chmod(folder.path().c_str(), 0755);
}

TEST(UnfinishedFile, AppearsWhenFinishedAndVanishesOtherwise) {
  const TemporaryFolder folder;
  {
    UnfinishedFile file(folder / "x");
    file.write("half");
    EXPECT_EQ(file_bytes(file.temporary_path()), "half");
    EXPECT_FALSE(std::filesystem::exists(folder / "x"));
  }
  EXPECT_EQ(folder.count(), 0u);
  UnfinishedFile file(folder / "x");
  file.write("wh");
  file.write("ole");
  file.finish();
  EXPECT_EQ(file_bytes(folder / "x"), "whole");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(UnfinishedFile, CannotBeFinishedAfterItsRemoval) {
  const TemporaryFolder folder;
  auto one = std::make_unique<UnfinishedFile>(folder / "one");
  remove_unfinished_files();
  EXPECT_EQ(folder.count(), 0u);
  const UnfinishedFile two(folder / "two");
  EXPECT_TRUE(contains(refusal([&] { one->finish(); }), "one: cannot be written: No such file"));
  one.reset();  // must not take the place of the second file
  EXPECT_EQ(folder.count(), 1u);
  remove_unfinished_files();
  EXPECT_EQ(folder.count(), 0u);
}

TEST(UnfinishedFile, MoreThanAreRememberedCanBeWritten) {
  const TemporaryFolder folder;
  std::vector<std::unique_ptr<UnfinishedFile>> files;
  for (int i = 0; i < 100; ++i)
    files.push_back(std::make_unique<UnfinishedFile>(folder / std::to_string(i)));
  EXPECT_EQ(folder.count(), 100u);
  files.clear();
  EXPECT_EQ(folder.count(), 0u);
}

TEST(UnfinishedFile, IsRemovedByASignalHandler) {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::signal(SIGINT, [](int) {
      remove_unfinished_files();
      ::_exit(130);
    });
    UnfinishedFile file(folder / "x");
    file.write("half");
    ::raise(SIGINT);
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 130);
  EXPECT_EQ(folder.count(), 0u);
}

}  // namespace
}  // namespace inseq::io
