#include "inseq/error.h"
#include "io/tensor_parsers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    inseq::io::parse_weight_map({reinterpret_cast<const char*>(data), size}, "fuzz");
  } catch (const inseq::Error&) {  // the only thing that a reader may throw
  }
  return 0;
}
