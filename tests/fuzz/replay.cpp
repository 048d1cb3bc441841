// Runs a fuzz target without a fuzzer: over its corpus, and over random changes of it that are the
// same in every run. INSEQ_FUZZ_ROUNDS sets the number of changed files (2000), INSEQ_FUZZ_SEED the
// first of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Bytes = std::vector<uint8_t>;

std::vector<Bytes> corpus() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(INSEQ_FUZZ_CORPUS))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> out;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    out.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return out;
}

/// Says which exception left the target, if any did.
std::string run(const Bytes& input) {
  const Bytes exact(input.begin(),
                    input.end());  // no spare capacity that would hide a read past the end
  try {
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  Bytes operator()(Bytes bytes) {
    for (size_t i = 0, count = 1 + below(4); i < count; ++i) change(bytes);
    return bytes;
  }

 private:
  size_t below(size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  void change(Bytes& bytes) {
    if (bytes.empty()) return;
    const size_t at = below(bytes.size());
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const size_t length = std::min(bytes.size() - at, 1 + below(16));
    const auto end = place + static_cast<std::ptrdiff_t>(length);
    switch (below(8)) {
      case 0:
        *place ^= static_cast<uint8_t>(1u << below(8));
        break;
      case 1:
        *place = static_cast<uint8_t>(random_());
        break;
      case 2:
        overwrite(bytes, at, interesting(), 8);
        break;
      case 3:
        overwrite(bytes, at, interesting(), 4);
        break;
      case 4:
        bytes.resize(at);
        break;
      case 5:
        bytes.erase(place, end);
        break;
      case 6: {
        const Bytes part(place, end);
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size())), part.begin(),
                     part.end());
        break;
      }
      default: {
        const Bytes part(place, end);
        std::copy(part.begin(), part.end(),
                  bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size() - length + 1)));
      }
    }
  }

  uint64_t interesting() {
    static constexpr uint64_t kValues[] = {
        0,        1,        2,   16,         127,        128,        255,        256,        65535,
        1u << 20, 1u << 31, ~0u, 1ull << 32, 1ull << 60, 1ull << 62, 1ull << 63, ~0ull >> 1, ~0ull};
    return kValues[below(std::size(kValues))] + below(3) - 1;
  }

  static void overwrite(Bytes& bytes, size_t at, uint64_t value, size_t width) {
    for (size_t i = 0; i < width && at + i < bytes.size(); ++i)
      bytes[at + i] = static_cast<uint8_t>(value >> (8 * i));
  }

  std::mt19937_64 random_;
};

uint64_t setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(Fuzz, ReplaysTheCorpus) {
  const std::vector<Bytes> inputs = corpus();
  ASSERT_FALSE(inputs.empty());
  for (const Bytes& input : inputs) EXPECT_EQ(run(input), "");
}

TEST(Fuzz, ThrowsOnlyOurErrorsOnChangedFiles) {
  const std::vector<Bytes> inputs = corpus();
  ASSERT_FALSE(inputs.empty());
  const uint64_t first = setting("INSEQ_FUZZ_SEED", 0), rounds = setting("INSEQ_FUZZ_ROUNDS", 2000);
  for (uint64_t seed = first; seed < first + rounds; ++seed) {
    ASSERT_EQ(run(Mutator(seed)(inputs[seed % inputs.size()])), "") << "INSEQ_FUZZ_SEED=" << seed;
  }
}

}  // namespace
