#include "methods/paths/neighbours.h"

#include "inseq/error.h"

namespace inseq::methods {
namespace {

constexpr int64_t kProducts = int64_t{1} << 24;  // of queries and rows held at once: 64 MiB
/// Candidates beyond those wanted: distances from products of long vectors are inexact, so the
/// nearest are put in order by exact ones.
constexpr int64_t kSpare = 8;

}  // namespace

Neighbours::Neighbours(Tensor table, int64_t count)
    : table_(std::move(table)), squares_(table_.square().sum(1)), count_(count) {
  INSEQ_CHECK(count >= 1 && count < table_.size(0), InvalidArgument, "option \"n_neighbors\" is ",
              count, ", but the vocabulary has ", table_.size(0), " entries");
}

Tensor Neighbours::of(const Tensor& rows) {
  const int64_t n = rows.size(0);
  std::vector<int64_t> wanted(rows.data_ptr<int64_t>(), rows.data_ptr<int64_t>() + n), unknown;
  for (const int64_t row : wanted) {
    if (known_.try_emplace(row).second) unknown.push_back(row);
  }
  const int64_t at_once = std::clamp<int64_t>(kProducts / table_.size(0), 1, 64);
  for (size_t i = 0; i < unknown.size(); i += static_cast<size_t>(at_once)) {
    const size_t end = std::min(unknown.size(), i + static_cast<size_t>(at_once));
    const std::vector<int64_t> part(unknown.begin() + static_cast<std::ptrdiff_t>(i),
                                    unknown.begin() + static_cast<std::ptrdiff_t>(end));
    const Tensor found = search(at::tensor(part, at::kLong));
    for (size_t j = 0; j < part.size(); ++j) known_[part[j]] = found[static_cast<int64_t>(j)];
  }
  std::vector<Tensor> out;
  for (const int64_t row : wanted) out.push_back(known_.at(row));
  return at::stack(out);
}

Tensor Neighbours::search(const Tensor& rows) const {
  const Tensor index = rows.to(table_.device());
  const Tensor queries = table_.index_select(0, index);                              // [n, hidden]
  const Tensor squares = squares_.unsqueeze(0) - 2 * queries.mm(table_.t());         // + |query|²
  squares.scatter_(1, index.unsqueeze(1), std::numeric_limits<double>::infinity());  // not itself
  const int64_t candidates = std::min(count_ + kSpare, table_.size(0) - 1);
  Tensor near = std::get<1>(squares.topk(candidates, 1, /*largest=*/false, /*sorted=*/false));
  near = std::get<0>(near.sort(1));  // equal distances: lower rows first
  const Tensor exact =
      (table_.index_select(0, near.flatten()).view({rows.size(0), candidates, -1}) -
       queries.unsqueeze(1))
          .to(at::kDouble)
          .square()
          .sum(-1);
  const Tensor order = std::get<1>(exact.sort(/*stable=*/true, 1, /*descending=*/false));
  return near.gather(1, order).narrow(1, 0, count_).cpu();
}

}  // namespace inseq::methods
