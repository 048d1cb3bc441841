#include "base/base64.h"
#include "io/gzip.h"
#include "reader.h"

// The layers around the numbers of an attribution file: gzip and base64.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return inseq::fuzz::try_to_read(data, size, [](std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (const auto decoded = inseq::base64_decode(text))
      inseq::fuzz::expect(inseq::base64_encode(*decoded) == text);
    constexpr size_t kLimit = 1 << 20;
    inseq::fuzz::expect(inseq::io::gzip_decompress(bytes, "fuzz", kLimit).size() <= kLimit);
  });
}
