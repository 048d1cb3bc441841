#include "reader.h"
#include "text/sentence_pieces.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return inseq::fuzz::try_to_read(data, size, [](const std::string& bytes) {
    const inseq::text::SentencePieces pieces(bytes, "fuzz");
    std::vector<std::string> names;
    for (const auto& piece : pieces.split("The old house, the ﬁrst  one.")) {
      pieces.id_of(piece.token);
      names.push_back(piece.token);
    }
    pieces.join(names);
    for (int64_t id = 0; id < std::min<int64_t>(pieces.size(), 64); ++id) pieces.token_of(id);
  });
}
