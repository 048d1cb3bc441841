#include "methods/sampling/token_sampler.h"

#include "inseq/error.h"
#include "text/part_of_speech.h"
#include "text/white_space.h"

namespace inseq::methods {
namespace {

struct Range {
  int64_t first = 0, count = 0;
};

/// The ids of one side that may be drawn, sorted by group.
class Groups {
 public:
  Groups(const engine::Question& question, int64_t vocab, bool source, Replacements kind)
      : question_(question), source_(source), kind_(kind) {
    std::vector<bool> allowed(static_cast<size_t>(std::min(question.special.vocab, vocab)), true);
    for (const int64_t id : question.special.all) {
      if (id >= 0 && static_cast<size_t>(id) < allowed.size())
        allowed[static_cast<size_t>(id)] = false;
    }
    std::map<std::string_view, std::vector<int64_t>> members;
    for (size_t id = 0; id < allowed.size(); ++id) {
      if (allowed[id])
        members[group_of(static_cast<int64_t>(id))].push_back(static_cast<int64_t>(id));
    }
    for (const auto& [name, own] : members) {
      ranges_[name] = {static_cast<int64_t>(ids_.size()), static_cast<int64_t>(own.size())};
      ids_.insert(ids_.end(), own.begin(), own.end());
    }
    INSEQ_CHECK(!ids_.empty(), InvalidArgument, "the vocabulary has only special tokens");
  }

  const std::vector<int64_t>& ids() const { return ids_; }

  /// Where the replacements of a token lie in ids(): all, when none is of its kind.
  Range replacing(int64_t id) const {
    const auto found = ranges_.find(group_of(id));
    return found == ranges_.end() ? Range{0, static_cast<int64_t>(ids_.size())} : found->second;
  }

 private:
  std::string_view group_of(int64_t id) const {
    if (kind_ == Replacements::kAny) return {};
    const std::string word = question_.text_of(id, source_);
    return text::part_of_speech(text::without_space_around(word));
  }

  const engine::Question& question_;
  bool source_;
  Replacements kind_;
  std::vector<int64_t> ids_;
  std::map<std::string_view, Range> ranges_;
};

}  // namespace

TokenSampler::TokenSampler(const engine::Question& question, const models::ModelSizes& sizes,
                           const at::Tensor& text, int64_t source, Replacements kind) {
  const Tensor ids = text.to(at::kCPU);
  const int64_t tokens = ids.size(0);
  std::vector<int64_t> all, first, count;
  const auto add = [&](bool of_source, int64_t begin, int64_t end) {
    if (begin == end) return;
    const Groups groups(question, of_source ? sizes.source_vocab : sizes.vocab, of_source, kind);
    for (int64_t i = begin; i < end; ++i) {
      const Range range = groups.replacing(ids[i].item<int64_t>());
      first.push_back(static_cast<int64_t>(all.size()) + range.first);
      count.push_back(range.count);
    }
    all.insert(all.end(), groups.ids().begin(), groups.ids().end());
  };
  add(true, 0, source);
  add(false, source, tokens);
  candidates_ = at::tensor(all, at::kLong);
  first_ = at::tensor(first, at::kLong);
  count_ = at::tensor(count, at::kLong);
}

at::Tensor TokenSampler::draw(int64_t rows, int64_t tokens, at::Generator& random) const {
  const Tensor count = count_.narrow(0, 0, tokens);
  const Tensor drawn = (at::rand({rows, tokens}, random, at::kDouble) * count).to(at::kLong);
  const Tensor place = at::minimum(drawn, count - 1) + first_.narrow(0, 0, tokens);
  return candidates_.index_select(0, place.flatten()).view({rows, tokens});
}

}  // namespace inseq::methods
