#pragma once
#include <gtest/gtest.h>

#include <fstream>

#include "generation/generation.h"

namespace inseq::generation {

/// What tests/golden/generation/make_data.py wrote.
inline const Json& golden() {
  static const Json data = [] {
    std::ifstream file(INSEQ_TEST_DIR "/golden/generation/data.json");
    return Json::parse(file);
  }();
  return data;
}

inline Tensor int_tensor(const std::vector<std::vector<int64_t>>& rows) {
  std::vector<Tensor> tensors;
  for (const auto& row : rows) tensors.push_back(at::tensor(row, at::kLong));
  return at::stack(tensors);
}

inline std::vector<std::vector<int64_t>> to_rows(const Tensor& ids) {
  std::vector<std::vector<int64_t>> rows;
  for (int64_t row = 0; row < ids.size(0); ++row) {
    const Tensor one = ids[row].contiguous();
    rows.emplace_back(one.const_data_ptr<int64_t>(), one.const_data_ptr<int64_t>() + one.size(0));
  }
  return rows;
}

struct Prompts {
  Tensor ids;   // [batch, tokens]
  Tensor mask;  // [batch, tokens], 0 at padding
};

/// Prompts of unequal lengths as a batch, padded on the left.
inline Prompts padded(std::vector<std::vector<int64_t>> rows, int64_t pad = 0) {
  size_t longest = 0;
  for (const auto& row : rows) longest = std::max(longest, row.size());
  std::vector<std::vector<int64_t>> masks;
  for (auto& row : rows) {
    std::vector<int64_t> seen(longest, 1);
    std::fill_n(seen.begin(), longest - row.size(), 0);
    masks.push_back(seen);
    row.insert(row.begin(), longest - row.size(), pad);
  }
  return {int_tensor(rows), int_tensor(masks)};
}

/// The model of make_data.py: logits from the last word and the one before it. It also checks what
/// it is fed: the whole prompt, then one column at a time, under a mask that covers everything so
/// far.
class TableModel {
 public:
  enum class Ties { kKept, kBroken };  // as make_data.py does for beams
  explicit TableModel(Ties ties = Ties::kKept) : ties_(ties) {}

  Tensor operator()(const Tensor& new_ids, const Tensor& mask) {
    EXPECT_EQ(new_ids.size(1), ids_.defined() ? 1 : mask.size(1));
    ids_ = ids_.defined() ? at::cat({ids_, new_ids}, 1) : new_ids;
    EXPECT_EQ(ids_.sizes(), mask.sizes());
    EXPECT_EQ(mask.scalar_type(), at::kLong);
    EXPECT_FALSE(at::GradMode::is_enabled());
    ++calls_;
    static const Tensor after = table("after"), skip = table("skip");  // [vocab, vocab]
    Tensor logits = after.index_select(0, ids_.select(1, -1));
    if (ids_.size(1) > 1) {
      const Tensor before = skip.index_select(0, ids_.select(1, -2));
      logits = logits + before * mask.select(1, -2).unsqueeze(1);
    }
    if (ties_ == Ties::kKept) return logits;
    const Tensor words = at::arange(logits.size(1), at::kLong);
    const Tensor tie = (ids_.select(1, -1).unsqueeze(1) * 71 + words * 31).remainder(1021);
    return logits + tie.to(at::kFloat) / 1048576;
  }

  /// For generate(), which copies its callback. The model must outlive it.
  NextLogits callback() {
    return [this](const Tensor& new_ids, const Tensor& mask) { return (*this)(new_ids, mask); };
  }

  /// The same for beams.
  Decoder decoder() {
    return {callback(), [this](const Tensor& rows) { ids_ = ids_.index_select(0, rows); }};
  }

  int calls() const { return calls_; }

 private:
  static Tensor table(const char* name) {
    const auto rows = golden().at(name).get<std::vector<std::vector<int64_t>>>();
    return int_tensor(rows).to(at::kFloat) / 1024;
  }

  Ties ties_;
  Tensor ids_;  // [batch, tokens] so far
  int calls_ = 0;
};

/// generate() with a fresh table model.
inline std::vector<std::vector<int64_t>> texts_of(const Prompts& prompts, const Options& options) {
  TableModel model;
  return to_rows(generate(model.decoder(), prompts.ids, prompts.mask, options).ids);
}

/// The message of the Error that `call` throws; fails when it throws none of that kind.
template <typename Kind>
std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Kind& error) {
    return error.what();
  }
  ADD_FAILURE() << "no error of the expected kind";
  return "";
}

}  // namespace inseq::generation
