#include "reader.h"
#include "support/temporary_folder.h"
#include "text/tokenizer.h"

namespace {

/// Writes the files of one text: a line "=== tokenizer.json", then what that file holds, up to the
/// next such line.
void write_files(const std::string& text, const inseq::test::TemporaryFolder& folder) {
  const std::string mark = "=== ";
  for (size_t at = text.find(mark); at != text.npos;) {
    const size_t line = text.find('\n', at);
    if (line == text.npos) return;
    const std::string name = text.substr(at + mark.size(), line - at - mark.size());
    at = text.find("\n" + mark, line);
    const size_t end = at == text.npos ? text.size() : at++;
    if (name.find('/') == name.npos) folder.write(name, text.substr(line + 1, end - line - 1));
  }
}

}  // namespace

/// The input is a folder of files, as write_files reads it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return inseq::fuzz::try_to_read(data, size, [](const std::string& text) {
    const inseq::test::TemporaryFolder folder;
    write_files(text, folder);
    const auto tokenizer = inseq::text::load_tokenizer(folder.path());
    for (const auto side : {inseq::text::Side::kSource, inseq::text::Side::kTarget}) {
      const std::string said = "The <s>quick</s> <mask> café\n";
      const inseq::text::Encoding encoding = tokenizer->encode(said, true, side);
      inseq::fuzz::expect(encoding.offsets.size() == encoding.ids.size());
      for (const auto& [begin, end] : encoding.offsets)
        inseq::fuzz::expect(begin <= end && end <= said.size());
      for (const int64_t id : encoding.ids) tokenizer->readable(id, side);
      tokenizer->decode(encoding.ids, true);
    }
  });
}
