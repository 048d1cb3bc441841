#include "base/text_distance.h"

#include <algorithm>
#include <numeric>

namespace inseq {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& choices) {
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string& choice : choices) {
    const bool begins = name.size() >= 3 && choice.compare(0, name.size(), name) == 0;
    const size_t distance = begins ? 1 : edit_distance(name, choice);
    if (distance < best_distance) {
      best_distance = distance;
      best = &choice;
    }
  }
  return best == nullptr ? "" : "; did you mean \"" + *best + "\"?";
}

std::string join_choices(const std::vector<std::string>& choices) {
  std::string out;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) out += i + 1 == choices.size() ? " and " : ", ";
    out += choices[i];
  }
  return out;
}

}  // namespace inseq
