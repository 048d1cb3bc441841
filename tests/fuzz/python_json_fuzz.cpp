#include "io/python_json.h"
#include "reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return inseq::fuzz::try_to_read(data, size, [](const std::string& text) {
    const inseq::io::Json value = inseq::io::parse_python_json(text, "fuzz");
    const std::string written = inseq::io::dump_python_json(value);
    const inseq::io::Json again = inseq::io::parse_python_json(written, "fuzz");
    inseq::fuzz::expect(inseq::io::dump_python_json(again) == written);
  });
}
