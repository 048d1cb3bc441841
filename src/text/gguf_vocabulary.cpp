#include "text/gguf_vocabulary.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "base/utf8.h"
#include "inseq/error.h"

namespace inseq::text {
namespace {

const Json* find_key(const Json& metadata, const std::string& key) {
  const auto found = metadata.find("tokenizer.ggml." + key);
  return found == metadata.end() || found->is_null() ? nullptr : &*found;
}

const Json* find_list(const Json& metadata, const std::string& key) {
  const Json* value = find_key(metadata, key);
  INSEQ_CHECK(value == nullptr || value->is_array(), FormatError, "GGUF metadata: tokenizer.ggml.",
              key, " is ", value->type_name(), ", needed a list");
  return value;
}

std::string find_text(const Json& metadata, const std::string& key) {
  const Json* value = find_key(metadata, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

std::vector<std::string> read_texts(const Json& list, const std::string& key) {
  std::vector<std::string> texts;
  texts.reserve(list.size());
  for (const Json& entry : list) {
    INSEQ_CHECK(entry.is_string(), FormatError, "GGUF metadata: entry ", texts.size(),
                " of tokenizer.ggml.", key, " is ", entry.type_name(), ", needed text");
    texts.push_back(entry.get<std::string>());
  }
  return texts;
}

template <typename Number>
std::vector<Number> read_numbers(const Json* list, const std::string& key) {
  std::vector<Number> numbers;
  if (list == nullptr) return numbers;
  numbers.reserve(list->size());
  for (const Json& entry : *list) {
    INSEQ_CHECK(entry.is_number(), FormatError, "GGUF metadata: entry ", numbers.size(),
                " of tokenizer.ggml.", key, " is ", entry.type_name(), ", needed a number");
    numbers.push_back(entry.get<Number>());
  }
  return numbers;
}

/// Where the characters of a UTF-8 text begin, except the first.
std::vector<size_t> inner_boundaries(const std::string& text) {
  std::vector<size_t> at;
  for (size_t i = 1; i < text.size(); ++i) {
    if (!continues_code_point(text[i])) at.push_back(i);
  }
  return at;
}

size_t characters(const std::string& text) {
  return inner_boundaries(text).size() + (text.empty() ? 0 : 1);
}

}  // namespace

GgufVocabulary read_gguf_vocabulary(const Json& metadata) {
  INSEQ_CHECK(metadata.is_object(), FormatError, "GGUF metadata: not an object");
  GgufVocabulary out;
  out.model = find_text(metadata, "model");
  out.pre = find_text(metadata, "pre");
  const Json* tokens = find_list(metadata, "tokens");
  INSEQ_CHECK(
      !out.model.empty() && tokens != nullptr && !tokens->empty(), FormatError,
      "GGUF metadata: no tokenizer; tokenizer.ggml.model and tokenizer.ggml.tokens are needed");
  out.tokens = read_texts(*tokens, "tokens");
  out.types = read_numbers<int64_t>(find_list(metadata, "token_type"), "token_type");
  out.scores = read_numbers<double>(find_list(metadata, "scores"), "scores");
  INSEQ_CHECK(out.scores.empty() || out.scores.size() == out.tokens.size(), FormatError,
              "GGUF metadata: ", out.scores.size(), " entries in tokenizer.ggml.scores, ",
              out.tokens.size(), " in tokenizer.ggml.tokens");
  const Json* merges = find_list(metadata, "merges");
  out.has_merges = merges != nullptr;
  if (merges == nullptr) return out;
  out.merges.reserve(merges->size());
  for (const std::string& merge : read_texts(*merges, "merges")) {
    const size_t space = merge.find(' ');
    INSEQ_CHECK(space != std::string::npos && merge.find(' ', space + 1) == std::string::npos,
                FormatError, "GGUF metadata: entry ", out.merges.size(),
                " of tokenizer.ggml.merges is not two tokens");
    out.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  return out;
}

Merges recover_merges(const std::vector<std::string>& tokens, const std::vector<double>& ranks,
                      CutOrder order) {
  std::unordered_map<std::string, size_t> ids;
  ids.reserve(tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id) ids[tokens[id]] = id;
  struct Cut {
    double rank;
    size_t left_characters, right_characters;
    size_t left, right;  // ids
  };
  std::vector<Cut> cuts;
  for (size_t first = 0; first < tokens.size(); ++first) {
    // A token that occurs twice counts once: in its first place, with the rank of its last.
    const std::string& token = tokens[first];
    const size_t last = ids.at(token);
    if (last != first) {
      const auto begin = tokens.begin();
      if (std::find(begin, begin + static_cast<std::ptrdiff_t>(first), token) !=
          begin + static_cast<std::ptrdiff_t>(first)) {
        continue;
      }
    }
    const size_t begin = cuts.size();
    for (const size_t at : inner_boundaries(token)) {
      const auto left = ids.find(token.substr(0, at)), right = ids.find(token.substr(at));
      if (left == ids.end() || right == ids.end()) continue;
      cuts.push_back({ranks[last], characters(left->first), characters(right->first), left->second,
                      right->second});
    }
    std::stable_sort(cuts.begin() + static_cast<std::ptrdiff_t>(begin), cuts.end(),
                     [](const Cut& a, const Cut& b) {
                       return std::tie(a.left, a.right) < std::tie(b.left, b.right);
                     });
  }
  const bool longest_first = order == CutOrder::kLongestFirst;
  std::stable_sort(cuts.begin(), cuts.end(), [longest_first](const Cut& a, const Cut& b) {
    if (a.rank != b.rank) return a.rank > b.rank;
    const auto length = [](const Cut& c) {
      return std::tie(c.left_characters, c.right_characters);
    };
    return longest_first ? length(a) > length(b) : length(a) < length(b);
  });
  Merges merges;
  merges.reserve(cuts.size());
  for (const Cut& cut : cuts) merges.emplace_back(tokens[cut.left], tokens[cut.right]);
  return merges;
}

}  // namespace inseq::text
