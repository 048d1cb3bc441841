#include "generation/constraints.h"

#include <cmath>
#include <limits>

#include "inseq/error.h"

namespace inseq::generation {
namespace {

constexpr double kForbidden = -std::numeric_limits<double>::infinity();

/// The `ids` that exist in the vocabulary, as an index on the device of the scores.
Tensor index_of(const std::vector<int64_t>& ids, const Tensor& scores) {
  std::vector<int64_t> known;
  for (const int64_t id : ids) {
    if (id >= 0 && id < scores.size(1)) known.push_back(id);
  }
  return at::tensor(known, at::kLong).to(scores.device());
}

/// Forbids ids[i] in sequence i.
Tensor forbid_each(const Tensor& scores, const std::vector<std::vector<int64_t>>& ids) {
  Tensor out = scores.clone();
  for (size_t row = 0; row < ids.size(); ++row) {
    if (ids[row].empty()) continue;
    out[static_cast<int64_t>(row)].index_fill_(0, index_of(ids[row], scores), kForbidden);
  }
  return out;
}

}  // namespace

Tensor forbid(const Tensor& scores, const std::vector<int64_t>& ids) {
  return scores.index_fill(1, index_of(ids, scores), kForbidden);
}

Tensor force(const Tensor& scores, const std::vector<int64_t>& ids) {
  const Tensor index = index_of(ids, scores);
  INSEQ_CHECK(index.size(0) == static_cast<int64_t>(ids.size()), InvalidArgument,
              "forced_bos_token_id or forced_eos_token_id names a token outside the vocabulary of ",
              scores.size(1), " tokens");
  return at::full_like(scores, kForbidden).index_fill_(1, index, 0.0);
}

Tensor penalise_repetition(const Tensor& scores, const Tensor& history, double penalty) {
  // One spare column takes the padding and ids that the model reads but never writes.
  const int64_t vocab = scores.size(1);
  const Tensor said = history.masked_fill(history.lt(0).logical_or(history.ge(vocab)), vocab);
  const Tensor is_said = at::zeros({scores.size(0), vocab + 1}, scores.options().dtype(at::kBool))
                             .scatter_(1, said.to(scores.device()), true)
                             .narrow(1, 0, vocab);  // [batch, vocab]
  return at::where(is_said, at::where(scores.lt(0), scores * penalty, scores / penalty), scores);
}

Tensor forbid_repeated_ngrams(const Tensor& scores, const Tensor& history, int64_t size) {
  const int64_t tokens = history.size(1);
  if (tokens < size) return scores;
  std::vector<std::vector<int64_t>> ids(history.size(0));
  for (size_t row = 0; row < ids.size(); ++row) {
    const Tensor text = history[static_cast<int64_t>(row)].contiguous();
    const int64_t* begin = text.const_data_ptr<int64_t>();
    const int64_t* suffix = begin + tokens - (size - 1);
    for (const int64_t* run = begin; run < suffix; ++run) {
      if (std::equal(suffix, begin + tokens, run)) ids[row].push_back(run[size - 1]);
    }
  }
  return forbid_each(scores, ids);
}

Tensor forbid_words(const Tensor& scores, const Tensor& history,
                    const std::vector<std::vector<int64_t>>& words) {
  const int64_t tokens = history.size(1);
  std::vector<std::vector<int64_t>> ids(history.size(0));
  for (size_t row = 0; row < ids.size(); ++row) {
    const Tensor text = history[static_cast<int64_t>(row)].contiguous();
    const int64_t* end = text.const_data_ptr<int64_t>() + tokens;
    for (const std::vector<int64_t>& word : words) {
      const auto prefix = static_cast<int64_t>(word.size()) - 1;
      if (prefix <= tokens && std::equal(word.begin(), word.end() - 1, end - prefix)) {
        ids[row].push_back(word.back());
      }
    }
  }
  return forbid_each(scores, ids);
}

Tensor hasten_end(const Tensor& scores, const std::vector<int64_t>& eos_ids, double factor,
                  int64_t tokens_late) {
  // The power is capped where floats would overflow: EOS is certain long before.
  const double growth = std::min(std::pow(factor, static_cast<double>(tokens_late)) - 1, 1e30);
  const Tensor index = index_of(eos_ids, scores);
  const Tensor eos = scores.index_select(1, index);  // [batch, eos]
  const Tensor later = at::where(eos.isfinite(), eos + eos.abs() * growth, eos);
  return scores.index_copy(1, index, later);
}

Tensor remove_invalid(const Tensor& scores) { return scores.nan_to_num(0.0); }

}  // namespace inseq::generation
