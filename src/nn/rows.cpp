#include "nn/rows.h"

namespace inseq::nn {

Rows Rows::prefixes(const std::vector<int64_t>& positions, int64_t batch, int64_t tokens) {
  Rows rows;
  std::vector<Tensor> parts;
  int64_t begin = 0;
  for (const int64_t position : positions) {
    for (int64_t b = 0; b < batch; ++b) {
      rows.segments.push_back({begin, position + 1, b, 0});
      parts.push_back(at::arange(b * tokens, b * tokens + position + 1, at::kLong));
      begin += position + 1;
    }
  }
  rows.index = at::cat(parts);
  return rows;
}

Rows Rows::whole(int64_t steps, int64_t batch, int64_t tokens) {
  return prefixes(std::vector<int64_t>(static_cast<size_t>(steps), tokens - 1), batch, tokens);
}

Rows Rows::own(const std::vector<int64_t>& positions, int64_t batch, int64_t tokens) {
  Rows rows;
  std::vector<int64_t> index;
  for (const int64_t position : positions) {
    for (int64_t b = 0; b < batch; ++b) {
      rows.segments.push_back({static_cast<int64_t>(index.size()), 1, b, position});
      index.push_back(b * tokens + position);
    }
  }
  rows.index = at::tensor(index, at::kLong);
  return rows;
}

Tensor Rows::last() const {
  std::vector<int64_t> rows;
  for (const Segment& segment : segments) rows.push_back(segment.begin + segment.size - 1);
  return at::tensor(rows, at::kLong);
}

Tensor Rows::of(const Tensor& saved) const {
  return saved.flatten(0, 1).index_select(0, index.to(saved.device()));
}

int64_t Rows::longest() const {
  int64_t longest = 0;
  for (const Segment& segment : segments) longest = std::max(longest, segment.size);
  return longest;
}

Tensor Rows::padded_index(const Tensor& like) const {
  std::vector<Tensor> parts;
  const int64_t width = longest();
  for (size_t i = 0; i < segments.size(); ++i) {
    const int64_t first = static_cast<int64_t>(i) * width;
    parts.push_back(at::arange(first, first + segments[i].size, at::kLong));
  }
  return at::cat(parts).to(like.device());
}

Tensor Rows::padded(const Tensor& rows) const {
  const int64_t count = static_cast<int64_t>(segments.size()), width = longest();
  const Tensor out = at::zeros({count * width, rows.size(1)}, rows.options());
  return out.index_copy(0, padded_index(rows), rows).view({count, width, rows.size(1)});
}

Tensor Rows::packed(const Tensor& padded) const {
  return padded.flatten(0, 1).index_select(0, padded_index(padded));
}

}  // namespace inseq::nn
