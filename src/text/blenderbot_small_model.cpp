#include <limits>
#include <map>

#include "base/utf8.h"
#include "text/backend.h"
#include "text/json_file.h"
#include "text/piece_classes.h"
#include "text/white_space.h"

namespace inseq::text {
namespace {

constexpr std::string_view kWordEnd = "</w>";
constexpr std::string_view kContinued = "@@";  // at the end of pieces that do not end a word

/// A character of a word and the bytes of the text that it came from.
struct Letter {
  std::string text;
  size_t begin = 0, end = 0;
};

std::vector<Letter> letters_of(std::string_view text, size_t begin, size_t end) {
  std::vector<Letter> out;
  for (size_t at = begin; at < end;) {
    const size_t length = code_point_at(text, at).length;
    out.push_back({std::string(text.substr(at, length)), at, at + length});
    at += length;
  }
  return out;
}

bool is_one_of(const Letter& letter, std::string_view characters) {
  return letter.text.size() == 1 && characters.find(letter.text[0]) != characters.npos;
}

/// Stretches without white space, each with the line break behind it.
std::vector<std::vector<Letter>> stretches_of(std::string_view text) {
  std::vector<std::vector<Letter>> out;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    while (end < text.size() && !is_white_space(code_point_at(text, end).value))
      end += code_point_at(text, end).length;
    if (end == begin) {
      begin += code_point_at(text, begin).length;
      continue;
    }
    if (end < text.size() && text[end] == '\n') ++end;
    out.push_back(letters_of(text, begin, end));
    begin = end;
  }
  return out;
}

/// Words: a space goes before punctuation and around apostrophes, and a line break, unless one of
/// these spaces has swallowed it, becomes a word of its own.
std::vector<std::vector<Letter>> words_of(const std::vector<Letter>& stretch) {
  std::vector<std::vector<Letter>> words(1);
  bool spaced = false;  // a space comes before the next letter
  for (const Letter& letter : stretch) {
    const bool apostrophe = is_one_of(letter, "'"), newline = letter.text == "\n";
    if (newline && spaced) continue;
    if (spaced || apostrophe || newline || is_one_of(letter, ".,!?()")) words.emplace_back();
    spaced = apostrophe;
    if (newline) {
      for (const char c : std::string_view("__newln__"))
        words.back().push_back({std::string(1, c), letter.begin, letter.end});
    } else {
      words.back().push_back(letter);
    }
  }
  std::erase_if(words, [](const auto& word) { return word.empty(); });
  return words;
}

/// The same in lower case; a character that becomes several keeps its place.
std::vector<Letter> in_lower_case(const std::vector<Letter>& word) {
  std::string whole;
  for (const Letter& letter : word) whole += letter.text;
  const std::string lower = lowercase(whole);  // of the whole: a final sigma is another letter
  std::vector<Letter> out = letters_of(lower, 0, lower.size());
  size_t next = 0;
  for (const Letter& letter : word) {
    const std::string alone = lowercase(letter.text);
    for (size_t at = 0; at < alone.size() && next < out.size();
         at += code_point_at(alone, at).length, ++next) {
      out[next].begin = letter.begin;
      out[next].end = letter.end;
    }
  }
  return out;
}

/// The pairs of merges.txt with their ranks.
std::map<std::pair<std::string, std::string>, size_t> read_merges(const std::string& folder) {
  std::map<std::pair<std::string, std::string>, size_t> ranks;
  const std::string content = read_file(folder, "merges.txt");
  size_t rank = 0, begin = content.find('\n');  // the first line is a heading
  while (begin != std::string::npos) {
    const size_t end = content.find('\n', ++begin);
    if (end == std::string::npos) break;  // what follows the last line break does not count
    std::string_view line = std::string_view(content).substr(begin, end - begin);
    line = without_space_around(line);
    const size_t space = line.find(' ');
    const std::string left(line.substr(0, space));
    const std::string right(space == line.npos ? "" : without_leading_space(line.substr(space)));
    ranks[{left, right}] = rank++;
    begin = end;
  }
  return ranks;
}

/// BlenderbotSmallTokenizer: byte-pair encoding of words in lower case. Pieces that do not end a
/// word have "@@" behind them. No special tokens are added to a text.
class BlenderbotSmallModel : public PieceModel {
 public:
  BlenderbotSmallModel(const std::string& folder, const Json& settings)
      : words_(folder, "vocab.json", token_content(settings, "unk_token")),
        unknown_(token_content(settings, "unk_token")),
        ranks_(read_merges(folder)) {}

  std::vector<TextPiece> split(std::string_view text, Side) const override {
    std::vector<TextPiece> pieces;
    for (const std::vector<Letter>& stretch : stretches_of(text)) {
      for (const std::vector<Letter>& word : words_of(stretch)) add_pieces(word, pieces);
    }
    return pieces;
  }
  int64_t id_of(const std::string& token, Side) const override {
    return words_.id_of(lowercase(token));
  }
  std::optional<std::string> token_of(int64_t id, Side) const override {
    return words_.token_of(id).value_or(unknown_);
  }
  std::string join(std::span<const std::string> tokens, const std::set<std::string>&,
                   bool) const override {
    std::string text;
    for (const std::string& token : tokens) text += (text.empty() ? "" : " ") + token;
    const std::string seam = std::string(kContinued) + " ";
    for (size_t at = 0; (at = text.find(seam, at)) != text.npos;) text.erase(at, seam.size());
    return std::string(without_space_around(text));
  }
  std::optional<int64_t> entry(const std::string& token, Side) const override {
    return words_.find(token);
  }
  int64_t size() const override { return words_.size(); }
  Frame frame(Side, int64_t) const override { return {}; }

 private:
  void add_pieces(const std::vector<Letter>& word, std::vector<TextPiece>& pieces) const {
    std::vector<Letter> parts = in_lower_case(word);
    if (parts.size() == 1) {
      pieces.push_back({parts[0].text, parts[0].begin, parts[0].end});
      return;
    }
    parts.back().text += kWordEnd;
    while (parts.size() > 1 && merge_best(parts)) {
    }
    parts.back().text.resize(parts.back().text.size() - kWordEnd.size());
    for (size_t i = 0; i < parts.size(); ++i) {
      const bool last = i + 1 == parts.size();
      pieces.push_back(
          {parts[i].text + std::string(last ? "" : kContinued), parts[i].begin, parts[i].end});
    }
  }

  /// Merges the pair of lowest rank wherever it occurs; whether there was one.
  bool merge_best(std::vector<Letter>& parts) const {
    size_t best = std::numeric_limits<size_t>::max();
    std::pair<std::string, std::string> pair;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = ranks_.find({parts[i].text, parts[i + 1].text});
      if (found == ranks_.end() || found->second >= best) continue;
      best = found->second;
      pair = found->first;
    }
    if (best == std::numeric_limits<size_t>::max()) return false;
    std::vector<Letter> merged;
    for (size_t i = 0; i < parts.size(); ++i) {
      const bool both =
          i + 1 < parts.size() && parts[i].text == pair.first && parts[i + 1].text == pair.second;
      merged.push_back(parts[i]);
      if (!both) continue;
      merged.back().text += parts[i + 1].text;
      merged.back().end = parts[++i].end;
    }
    parts = std::move(merged);
    return true;
  }

  WordList words_;
  std::string unknown_;
  std::map<std::pair<std::string, std::string>, size_t> ranks_;
};

}  // namespace

std::unique_ptr<PieceModel> load_blenderbot_small(const std::string& folder, Json& settings) {
  const std::pair<const char*, const char*> defaults[] = {{"bos_token", "__start__"},
                                                          {"eos_token", "__end__"},
                                                          {"unk_token", "__unk__"},
                                                          {"pad_token", "__null__"}};
  for (const auto& [name, value] : defaults) set_default(settings, name, value);
  check_files(folder, "BlenderbotSmallTokenizer", {"vocab.json", "merges.txt"});
  return std::make_unique<BlenderbotSmallModel>(folder, settings);
}

}  // namespace inseq::text
