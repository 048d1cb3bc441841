#include "text/part_of_speech.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/utf8.h"

namespace inseq::text {
namespace {

constexpr char kRows[] =
#include "text/part_of_speech_weights.inc"
    ;

/// The first field of `rest`, up to a space, which is taken off it.
std::string_view field(std::string_view& rest) {
  const size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view out = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return out;
}

std::string_view first_character(std::string_view word) {
  return word.empty() ? word : word.substr(0, code_point_at(word, 0).length);
}

std::string_view last_characters(std::string_view word, int count) {
  size_t begin = word.size();
  while (begin > 0 && count > 0) {
    if (!continues_code_point(word[--begin])) --count;
  }
  return word.substr(begin);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The form in which the tagger knows words: lower case, and one name for each kind of number.
std::string normalised(std::string_view word) {
  if (word.find('-') != std::string_view::npos && word.front() != '-') return "!HYPHEN";
  if (word.size() == 4 && std::all_of(word.begin(), word.end(), is_digit)) return "!YEAR";
  if (!word.empty() && is_digit(word.front())) return "!DIGITS";
  std::string out(word);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// Scores for every tag: bias + those of the last letters, the first letter and the word.
class Tagger {
 public:
  Tagger() {
    std::string_view rest(kRows, sizeof(kRows) - 1);
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      read(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
  }

  std::string_view tag(std::string_view word) const {
    if (const auto found = known_.find(word); found != known_.end()) return found->second;
    const std::string own = normalised(word);
    std::vector<int64_t> scores(tags_.size());
    const auto add = [&](const Table& table, std::string_view key) {
      const auto found = table.find(key);
      if (found == table.end()) return;
      std::string_view weights = found->second;
      while (!weights.empty()) {
        const std::string_view label = field(weights), value = field(weights);
        int64_t weight = 0;
        std::from_chars(value.data(), value.data() + value.size(), weight);
        scores[place_of(label)] += weight;
      }
    };
    add(table('b'), "");
    add(table('s'), last_characters(word, 3));
    add(table('p'), first_character(word));
    add(table('w'), own);
    // The last of equal ones, in the order of the alphabet.
    size_t best = 0;
    for (size_t i = 1; i < scores.size(); ++i) best = scores[i] >= scores[best] ? i : best;
    return tags_[best];
  }

 private:
  using Table = std::unordered_map<std::string_view, std::string_view>;

  static size_t index_of(char kind) { return std::string_view("bspw").find(kind); }
  const Table& table(char kind) const { return tables_[index_of(kind)]; }
  size_t place_of(std::string_view tag) const {
    return static_cast<size_t>(std::lower_bound(tags_.begin(), tags_.end(), tag) - tags_.begin());
  }

  void read(std::string_view row) {
    const char kind = field(row).front();
    if (kind == 't') {
      while (!row.empty()) tags_.push_back(field(row));
      return;
    }
    const std::string_view key = field(row);
    (kind == 'k' ? known_ : tables_[index_of(kind)]).emplace(key, row);
  }

  std::vector<std::string_view> tags_;  // sorted
  Table known_;                         // words that have one tag only
  std::array<Table, 4> tables_;         // "tag weight tag weight …", by key
};

}  // namespace

std::string_view part_of_speech(std::string_view word) {
  static const Tagger tagger;
  return tagger.tag(word);
}

}  // namespace inseq::text
