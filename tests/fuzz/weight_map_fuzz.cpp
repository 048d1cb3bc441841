#include "io/hub_files.h"
#include "io/tensor_parsers.h"
#include "reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using inseq::fuzz::try_to_read;
  try_to_read(data, size,
              [](const std::string& text) { inseq::io::shards_of_index(text, "fuzz"); });
  return try_to_read(data, size,
                     [](const std::string& text) { inseq::io::parse_weight_map(text, "fuzz"); });
}
