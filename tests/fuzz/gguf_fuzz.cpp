#include "io/tensor_parsers.h"
#include "read_tensors.h"
#include "reader.h"
#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return inseq::fuzz::try_to_read(data, size, [](std::span<const std::byte> bytes) {
    const inseq::io::ParsedGguf parsed = inseq::io::parse_gguf(bytes, "fuzz");
    inseq::io::read_tensors(parsed.entries);
    parsed.metadata.dump();  // throws something else if a string were not UTF-8
    inseq::text::load_gguf_tokenizer(parsed.metadata)->encode("A text.", true);
  });
}
