#include "io/checksum.h"

#include <gtest/gtest.h>

#include "inseq/error.h"
#include "support/http/test_server.h"

namespace inseq::io {
namespace {

using testing::TemporaryFolder;

TEST(Checksum, AgreesWithPublishedValues) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/file";
  testing::write_content(path, "abc");  // FIPS 180-2, appendix B.1
  EXPECT_EQ(sha256_of_file(path),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  testing::write_content(path, "hello\n");  // echo hello | git hash-object --stdin
  EXPECT_EQ(git_blob_sha1_of_file(path), "ce013625030ba8dba906f756967f9e9ca394464a");
}

TEST(Checksum, ReadsFilesLongerThanABlock) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/file";
  testing::write_content(path, std::string(3'000'000, 'a'));
  // python3 -c "import hashlib; print(hashlib.sha256(b'a' * 3000000).hexdigest())"
  EXPECT_EQ(sha256_of_file(path),
            "2a152c894398719c0570f83fac34ac03a0f6e8e474b995c2403aa5434f7b9dd4");
}

TEST(Checksum, NamesAFileThatIsMissing) {
  try {
    sha256_of_file("/nowhere/at all");
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/at all"), std::string::npos);
  }
  EXPECT_THROW(git_blob_sha1_of_file("/nowhere/at all"), InvalidArgument);
}

TEST(Checksum, KnowsHexadecimalDigits) {
  EXPECT_TRUE(is_hex("00af", 4));
  EXPECT_FALSE(is_hex("00af", 5));
  EXPECT_FALSE(is_hex("00AF", 4));
  EXPECT_FALSE(is_hex("00a/", 4));
}

}  // namespace
}  // namespace inseq::io
