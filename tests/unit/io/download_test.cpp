#include "io/download.h"

#include <signal.h>
#include <sys/resource.h>

#include <filesystem>

#include "support/http/fake_hub.h"

namespace inseq::io {
namespace {

using testing::content_of;
using testing::message_of;
using Requests = std::vector<std::string>;

class DownloadTest : public testing::FakeHub {
 protected:
  DownloadTest() {
    file.url = server.address() + "/file";
    file.path = folder.path() + "/file";
    file.label = "org/name/file";
    file.size = kSize;
    // hashlib.sha256(server.pattern(100000)) in Python, see support/http/server.py
    file.checksum = "8f3798b4c65b384ef5773649e85c1974e46fa37020caf256628132c29ff161a2";
    part = file.path + ".incomplete";
  }
  void fetch(std::function<void()> tick = nullptr) {
    HttpClient client("", std::move(tick), kShort);
    download_file(client, file);
  }
  void expect_complete() {
    testing::expect_content(file.path, testing::fill_pattern(kSize));
    EXPECT_FALSE(std::filesystem::exists(part));
  }
  void expect_nothing() {
    EXPECT_FALSE(std::filesystem::exists(file.path));
    EXPECT_FALSE(std::filesystem::exists(part));
  }
  Requests ranges() { return server.header("GET /file", "range"); }

  static constexpr size_t kSize = 100000;
  FileDownload file;
  std::string part;
};

TEST_F(DownloadTest, FetchesAndTellsHowMuchIsThere) {
  server.answer("/file", {{{"fill", kSize}}});
  int64_t last = -1;
  file.on_bytes = [&](int64_t bytes) {
    EXPECT_GE(bytes, last);
    last = bytes;
  };
  fetch();
  expect_complete();
  EXPECT_EQ(last, static_cast<int64_t>(kSize));
}

TEST_F(DownloadTest, ContinuesAfterADroppedConnection) {
  server.answer("/file", {{{"fill", kSize}, {"drop_after", 40000}},
                          {{"status", 503}},
                          {{"fill", kSize}, {"drop_after", 10}},
                          {{"fill", kSize}}});
  fetch();
  expect_complete();
  EXPECT_EQ(ranges(), (Requests{"", "bytes=40000-", "bytes=40000-", "bytes=40010-"}));
}

TEST_F(DownloadTest, ContinuesWhatAnEarlierRunLeft) {
  testing::write_content(part, testing::fill_pattern(kSize).substr(0, 1234));
  server.answer("/file", {{{"fill", kSize}}});
  fetch();
  expect_complete();
  EXPECT_EQ(ranges(), Requests{"bytes=1234-"});
}

TEST_F(DownloadTest, AsksForNothingWhenAllBytesAreThere) {
  testing::write_content(part, testing::fill_pattern(kSize));
  fetch();
  expect_complete();
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(DownloadTest, StartsAgainWhenTheEarlierBytesAreWrong) {
  for (const size_t wrong : {size_t{1234}, kSize, kSize + 1}) {
    std::filesystem::remove(file.path);
    testing::write_content(part, std::string(wrong, 'x'));
    server.reset();
    server.answer("/file", {{{"fill", kSize}}});
    fetch();
    expect_complete();
    ASSERT_FALSE(ranges().empty());
    EXPECT_EQ(ranges().back(), "");
  }
}

TEST_F(DownloadTest, StartsAgainWhereTheServerIgnoresRanges) {
  testing::write_content(part, std::string(1234, 'x'));
  server.answer("/file", {{{"fill", kSize}, {"ignore_range", true}}});
  fetch();
  expect_complete();
  EXPECT_EQ(ranges(), Requests{"bytes=1234-"});
}

TEST_F(DownloadTest, RefusesARangeThatWasNotAskedFor) {
  testing::write_content(part, testing::fill_pattern(kSize).substr(0, 1234));
  server.answer("/file", {{{"fill", kSize}, {"range_start", 1230}}});
  const std::string message = message_of<FormatError>([&] { fetch(); });
  EXPECT_SAYS(message, "bytes from 1230 on");
}

TEST_F(DownloadTest, RefusesAWrongChecksumAndKeepsNothing) {
  server.answer("/file", {{{"fill", kSize}}});
  file.checksum = std::string(64, '0');
  const std::string message = message_of<FormatError>([&] { fetch(); });
  EXPECT_SAYS(message, "org/name/file");
  EXPECT_SAYS(message, "checksum");
  expect_nothing();
}

TEST_F(DownloadTest, RefusesMoreThanWasAnnounced) {
  server.answer("/file", {{{"fill", kSize + 1}}});
  const std::string message = message_of<FormatError>([&] { fetch(); });
  EXPECT_SAYS(message, "more than the 100000 bytes");
  expect_nothing();
}

TEST_F(DownloadTest, SaysHowFarItCameWhenTheServerHasLess) {
  server.answer("/file", {{{"fill", 60000}}});
  const std::string message = message_of<DownloadError>([&] { fetch(); });
  EXPECT_SAYS(message, "of 100000 bytes");
  EXPECT_FALSE(std::filesystem::exists(file.path));
}

TEST_F(DownloadTest, KeepsWhatArrivedWhenAttemptsRunOut) {
  server.answer("/file", {{{"fill", kSize}, {"drop_after", 100}}, {{"status", 500}}});
  const std::string message = message_of<DownloadError>([&] { fetch(); });
  EXPECT_SAYS(message, "after 100 of 100000 bytes");
  EXPECT_SAYS(message, "500, 4 attempts");
  testing::expect_content(part, testing::fill_pattern(100));
}

TEST_F(DownloadTest, DoesNotRepeatARefusal) {
  server.answer("/file", {{{"status", 403}}});
  const std::string message = message_of<DownloadError>([&] { fetch(); });
  EXPECT_SAYS(message, "403");
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(DownloadTest, TakesFilesWhoseSizeIsNotKnown) {
  file.size = -1;
  server.answer("/file", {{{"fill", kSize}, {"no_length", true}}});
  fetch();
  expect_complete();
}

TEST_F(DownloadTest, TakesEmptyFiles) {
  file.size = 0;
  file.checksum = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";  // git's empty blob
  fetch();
  EXPECT_TRUE(std::filesystem::exists(file.path));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(DownloadTest, KeepsWhatArrivedWhenInterrupted) {
  server.answer("/file", {{{"fill", kSize}, {"drop_after", 40000}}, {{"fill", kSize}}});
  const auto stop = [&] {
    if (std::filesystem::exists(part) && content_of(part).size() == 40000) {
      throw Interrupted("stop");
    }
  };
  EXPECT_THROW(fetch(stop), Interrupted);
  testing::expect_content(part, testing::fill_pattern(40000));
  EXPECT_FALSE(std::filesystem::exists(file.path));
  fetch();
  expect_complete();
}

TEST_F(DownloadTest, KeepsWhatFitsWhenTheDiskIsFull) {
  // A limit on the size of files fails in the same call as a full disk.
  rlimit before = {};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small = {50000, before.rlim_max};
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  server.answer("/file", {{{"fill", kSize}}});
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string message = message_of<DownloadError>([&] { fetch(); });
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  EXPECT_SAYS(message, "make room");
  testing::expect_content(part, testing::fill_pattern(50000));
  fetch();
  expect_complete();
}

TEST_F(DownloadTest, SaysWhereItCannotWrite) {
  file.path = folder.path() + "/nowhere/file";
  const std::string message = message_of<DownloadError>([&] { fetch(); });
  EXPECT_SAYS(message, "/nowhere/file.incomplete");
}

TEST_F(DownloadTest, DoesNotWriteThroughALink) {
  std::filesystem::create_symlink(folder.path() + "/elsewhere", part);
  EXPECT_THROW(fetch(), DownloadError);
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/elsewhere"));
}

}  // namespace
}  // namespace inseq::io
