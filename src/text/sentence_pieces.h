#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace inseq::text {

/// A piece of a text and the byte range it came from.
struct TextPiece {
  std::string token;
  size_t begin = 0, end = 0;
};

/// Google's SentencePiece: the only place that knows its header. Const methods are thread-safe.
class SentencePieces {
 public:
  /// The content of a model file. FormatError begins with `name`, the file's.
  SentencePieces(const std::string& bytes, const std::string& name);
  ~SentencePieces();
  SentencePieces(SentencePieces&&) noexcept;

  std::vector<TextPiece> split(std::string_view text) const;
  /// Text of the pieces; those that are not in the model stand as they are.
  std::string join(std::span<const std::string> pieces) const;
  int64_t size() const;
  int64_t id_of(const std::string& piece) const;  ///< of the unknown piece when it is not there
  std::string token_of(int64_t id) const;         ///< 0 <= id < size()

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace inseq::text
