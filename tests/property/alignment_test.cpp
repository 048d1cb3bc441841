// Attributions of the demo translator find the words that the grammar knows to belong together.
#include <gtest/gtest.h>

#include <fstream>
#include <iomanip>
#include <iostream>

#include "inseq/attribution_model.h"

namespace inseq::test {
namespace {

const std::string kFolder = INSEQ_TEST_DIR "/../models/en-fr";
constexpr size_t kSentences = 30;

/// The word, counted between spaces, that each token is a part of; -1 for special tokens.
std::vector<int64_t> words_of(const std::vector<Token>& tokens) {
  std::vector<int64_t> words;
  int64_t word = -1;
  for (const Token& token : tokens) {
    const bool special = token.text == "</s>" || token.text == "<pad>";
    if (!special && (word < 0 || token.text.starts_with("▁"))) ++word;
    words.push_back(special ? -1 : word);
  }
  return words;
}

/// Sums the rows of `scores` ([tokens, ...]) that belong to the same word: [words, ...].
Tensor by_word(const Tensor& scores, const std::vector<int64_t>& words) {
  std::vector<int64_t> shape = scores.sizes().vec();
  shape[0] = *std::max_element(words.begin(), words.end()) + 1;
  const Tensor out = at::zeros(shape, scores.options());
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] >= 0) out[words[i]].add_(scores[static_cast<int64_t>(i)]);
  }
  return out;
}

/// How often a method's largest score is at the right word.
struct Found {
  int64_t nouns = 0, right_nouns = 0, pairs = 0, right = 0;
  double by_chance = 0;  // nouns that a random choice of words finds

  double share() const { return static_cast<double>(right_nouns) / static_cast<double>(nouns); }
  double chance() const { return by_chance / static_cast<double>(nouns); }
};

void count_pairs(const SequenceAttribution& s, const Json& pairs, Found& found) {
  const std::vector<int64_t> source = words_of(s.source), target = words_of(s.target);
  const Tensor& all = s.source_attributions;  // [tokens, steps] or [tokens, steps, 1]
  const Tensor per_step = all.reshape({all.size(0), all.size(1), -1});
  Tensor scores = by_word(per_step.norm(2, {-1}), source);
  const std::vector<int64_t> of_steps(target.begin() + s.attr_pos_start,
                                      target.begin() + s.attr_pos_end);
  scores = by_word(scores.t(), of_steps);  // [target words, source words]
  for (const Json& pair : pairs) {
    const bool right = scores[pair[1].get<int64_t>()].argmax().item<int64_t>() == pair[0];
    found.pairs += 1;
    found.right += right;
    if (pair[2] != "noun") continue;
    found.nouns += 1;
    found.right_nouns += right;
    found.by_chance += 1.0 / static_cast<double>(scores.size(1));
  }
}

Found found_by(const AttributionModel& model, const std::string& method, const Json& options) {
  static const Json sentences = Json::parse(std::ifstream(kFolder + "/alignments.json"));
  Found found;
  for (size_t i = 0; i < std::min(kSentences, sentences.size()); ++i) {
    AttributeOptions how;
    how.method = method;
    how.attribution_args = options;
    how.granular = false;
    const AttributionOutput out =
        model.attribute({sentences[i]["source"]}, {sentences[i]["target"]}, how);
    count_pairs(out.sequences[0], sentences[i]["pairs"], found);
  }
  return found;
}

struct Expected {
  std::string method;
  Json options = Json::object();
  double times_chance = 0;  // by how much nouns are found more often than by chance, at least
};

TEST(Alignments, NounsAreFoundFarMoreOftenThanByChance) {
  const AttributionModel model = AttributionModel::load(kFolder);
  const std::vector<Expected> methods = {
      {"saliency", {}, 3},
      {"input_x_gradient", {}, 3},
      {"integrated_gradients", {{"n_steps", 10}}, 3},
      {"deeplift", {}, 3},
      {"gradient_shap", {{"n_samples", 5}}, 3},
      {"attention", {}, 3},
      {"value_zeroing", {}, 3},
      {"occlusion", {}, 3},
      {"lime", {{"n_samples", 100}, {"mask_value", "embedding"}}, 3},
  };
  std::cout << "| method | nouns | content words |\n|---|---|---|\n" << std::fixed;
  for (const Expected& expected : methods) {
    const Json options = expected.options.is_null() ? Json::object() : expected.options;
    const Found found = found_by(model, expected.method, options);
    ASSERT_GT(found.nouns, 50);
    std::cout << std::setprecision(0) << "| " << expected.method << " | " << 100 * found.share()
              << " % | "
              << 100.0 * static_cast<double>(found.right) / static_cast<double>(found.pairs)
              << " % |\n";
    EXPECT_GE(found.share(), expected.times_chance * found.chance()) << expected.method;
  }
}

}  // namespace
}  // namespace inseq::test
