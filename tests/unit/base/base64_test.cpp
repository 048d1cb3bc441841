#include "base/base64.h"

#include <gtest/gtest.h>

namespace inseq {
namespace {

std::string encode(std::string_view text) { return base64_encode(std::as_bytes(std::span(text))); }

std::optional<std::string> decode(std::string_view text) {
  const auto bytes = base64_decode(text);
  if (!bytes) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

TEST(Base64, GivesTheExamplesOfRfc4648) {
  const std::pair<const char*, const char*> examples[] = {
      {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
      {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : examples) {
    EXPECT_EQ(encode(plain), coded);
    EXPECT_EQ(decode(coded), plain);
  }
}

TEST(Base64, KeepsEveryByte) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(decode(encode(all)), all);
}

TEST(Base64, PiecesOfAnySizeGiveTheSameText) {
  std::string plain;
  for (int i = 0; i < 200000; ++i) plain.push_back(static_cast<char>(i * 31 % 251));
  for (const size_t size : {1U, 2U, 3U, 4U, 49151U, 49153U, 200000U}) {
    std::string coded;
    Base64Writer writer([&coded](std::string_view piece) { coded += piece; });
    for (size_t i = 0; i < plain.size(); i += size) {
      writer.write(std::as_bytes(std::span(plain).subspan(i, std::min(size, plain.size() - i))));
    }
    writer.finish();
    EXPECT_EQ(coded, encode(plain)) << size;
  }
}

TEST(Base64, RefusesWhatIsNotBase64) {
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zm9v\n", "Zm9*", "Z===", "====", "=g==", "Zg==Zg==", "Zh==", "Zm-_"}) {
    EXPECT_FALSE(base64_decode(bad)) << bad;
  }
}

}  // namespace
}  // namespace inseq
