#include "inseq/error.h"
#include "io/tensor_parsers.h"
#include "read_tensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto bytes = std::as_bytes(std::span(data, size));
    const inseq::io::ParsedTensors parsed = inseq::io::parse_torch_bin(bytes, "fuzz");
    inseq::io::read_tensors(parsed.entries);
  } catch (const inseq::Error&) {  // the only thing that a reader may throw
  }
  return 0;
}
