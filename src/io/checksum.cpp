#include "io/checksum.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "inseq/error.h"

namespace inseq::io {
namespace {

/// OpenSSL's digest of what `add` was given.
class Digest {
 public:
  explicit Digest(const EVP_MD* kind) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    INSEQ_CHECK(context_ && EVP_DigestInit_ex(context_.get(), kind, nullptr) == 1, Unsupported,
                "OpenSSL offers no ", EVP_MD_get0_name(kind), "; downloads cannot be checked");
  }

  void add(const void* data, size_t size) { EVP_DigestUpdate(context_.get(), data, size); }

  std::string hex() {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_.get(), bytes, &size);
    std::string text;
    for (unsigned int i = 0; i < size; ++i) {
      text += "0123456789abcdef"[bytes[i] >> 4];
      text += "0123456789abcdef"[bytes[i] & 15];
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

std::string digest_of_file(const std::string& path, Digest digest) {
  std::ifstream file(path, std::ios::binary);
  INSEQ_CHECK(file, InvalidArgument, path, ": cannot be read: ", std::strerror(errno));
  std::vector<char> block(1 << 20);
  while (file) {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    digest.add(block.data(), static_cast<size_t>(file.gcount()));
  }
  INSEQ_CHECK(!file.bad(), InvalidArgument, path, ": reading failed: ", std::strerror(errno));
  return digest.hex();
}

}  // namespace

std::string sha256_of_file(const std::string& path) {
  return digest_of_file(path, Digest(EVP_sha256()));
}

std::string git_blob_sha1_of_file(const std::string& path) {
  std::error_code failure;
  const auto size = std::filesystem::file_size(path, failure);
  INSEQ_CHECK(!failure, InvalidArgument, path, ": cannot be read: ", failure.message());
  const std::string head = concat("blob ", size);
  Digest digest(EVP_sha1());
  digest.add(head.c_str(), head.size() + 1);  // with the closing zero byte
  return digest_of_file(path, std::move(digest));
}

bool is_hex(const std::string& text, size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace inseq::io
