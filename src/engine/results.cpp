#include "engine/results.h"

namespace inseq::engine {
namespace {

Tensor& result_like(const Question& question, int64_t rows, const Tensor& block, Tensor& result) {
  if (!result.defined()) {
    std::vector<int64_t> shape = block.sizes().vec();
    shape[0] = rows;
    shape[1] = question.steps();
    result = at::full(shape, std::numeric_limits<float>::quiet_NaN(), at::kFloat);
  }
  return result;
}

}  // namespace

void place_target(const Question& question, int64_t first, const Tensor& block, Answer& answer) {
  const Tensor& result = result_like(question, question.last, block, answer.target);
  for (int64_t s = 0; s < block.size(0); ++s) {
    const int64_t visible = first + s;  // a step sees the tokens before its position
    result.narrow(0, 0, visible)
        .select(1, first + s - question.first)
        .copy_(block[s].narrow(0, 0, visible));
  }
}

void place_whole(const Question& question, int64_t first, const Tensor& block, Tensor& result) {
  result_like(question, block.size(1), block, result)
      .narrow(1, first - question.first, block.size(0))
      .copy_(block.transpose(0, 1));
}

void place_token(const Question& question, int64_t first, const Tensor& given, int64_t token,
                 int64_t rows, Tensor& result) {
  result_like(question, rows, given.unsqueeze(0), result)[token]
      .narrow(0, first - question.first, given.size(0))
      .copy_(given);
}

Tensor kept_units(const Question& question, const Tensor& attributions) {
  if (question.detail == Detail::kGranular) return attributions;
  return at::linalg_vector_norm(attributions, 2, -1, /*keepdim=*/true);
}

void place_scores(const Question& question, int64_t first, const Tensor& logits, Answer& answer) {
  const Tensor targets = question.ids.target.narrow(0, first, logits.size(0)).to(logits.device());
  for (const auto& [name, function] : question.step_scores) {
    Tensor& scores = answer.step_scores[name];
    if (!scores.defined()) scores = at::empty({question.steps()}, at::kFloat);
    scores.narrow(0, first - question.first, logits.size(0)).copy_(function(logits, targets));
  }
}

std::vector<std::pair<int64_t, int64_t>> even_blocks(int64_t first, int64_t last, int64_t size) {
  const int64_t steps = last - first, count = (steps + size - 1) / size;
  std::vector<std::pair<int64_t, int64_t>> blocks;
  for (int64_t i = 0; i < count; ++i)
    blocks.emplace_back(first + steps * i / count, first + steps * (i + 1) / count);
  return blocks;
}

}  // namespace inseq::engine
