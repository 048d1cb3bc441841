#include "io/tensor_parsers.h"
#include "read_tensors.h"
#include "reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return inseq::fuzz::try_to_read(data, size, [](std::span<const std::byte> bytes) {
    const inseq::io::ParsedTensors parsed = inseq::io::parse_torch_bin(bytes, "fuzz");
    inseq::io::read_tensors(parsed.entries);
  });
}
