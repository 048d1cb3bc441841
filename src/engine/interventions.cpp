// Question 3 with an intervention: value vectors of single tokens are zeroed.
#include "engine/engine.h"
#include "engine/group.h"
#include "inseq/error.h"

namespace inseq::engine {
namespace {

/// Token rows that aim to go through a layer at once.
constexpr int64_t kRowsAtOnce = 1024;
constexpr int64_t kFewestRows = 16;

Tensor no_distances(int64_t layers, int64_t rows, int64_t tokens) {
  return at::zeros({layers, rows, tokens}, at::kFloat);
}

}  // namespace

MixingDistances Engine::zeroed_values(const Question& question, const Zeroing& zeroing) const {
  check(question);
  const at::NoGradGuard no_grad;
  const models::ModelSizes& sizes = model_.sizes();
  const int64_t tokens = question.last - 1, source = source_tokens(question);
  const int64_t steps = question.steps(), first_row = question.first - 1;
  MixingDistances out{
      .decoder = no_distances(sizes.layers, steps, tokens), .cross = {}, .encoder = {}};
  if (source > 0) {
    out.cross = no_distances(sizes.layers, steps, source);
    out.encoder = no_distances(sizes.encoder_layers, source, source);
  }
  int64_t rows_at_once = kRowsAtOnce;
  if (const int64_t limit = memory_limit(); limit > 0) {
    // A row needs what it needs in a pullback, and its clean and changed states.
    const int64_t longest = std::max(tokens, source);
    const int64_t one_row = model_.pullback_bytes(source, longest) / longest + 16 * sizes.hidden;
    rows_at_once = std::min(rows_at_once, limit / one_row);
    INSEQ_CHECK(rows_at_once >= kFewestRows, InvalidArgument, "zeroing the values of this ", tokens,
                "-token text needs ", kFewestRows * one_row,
                " bytes of working memory, the limit is ", limit, "; raise --memory-limit");
  }
  const auto visit = [&](const models::ZeroedStates& states) {
    const bool of_encoder = states.where == models::Mixing::kEncoder;
    const Tensor& all = of_encoder                               ? out.encoder
                        : states.where == models::Mixing::kCross ? out.cross
                                                                 : out.decoder;
    const Tensor distances = zeroing.distance(states.clean, states.changed);  // [tokens, rows]
    all[states.layer]
        .narrow(0, states.row - (of_encoder ? 0 : first_row), distances.size(1))
        .narrow(1, states.token, distances.size(0))
        .copy_(distances.t());
    if (!of_encoder) report_done(steps * (states.layer + 1) / (sizes.layers + 1), question);
  };
  model_.zero_values(as_batch(inputs(question).embeddings), {.heads = zeroing.heads,
                                                             .first_row = first_row,
                                                             .rows_at_once = rows_at_once,
                                                             .visit = visit});
  for (int64_t step = 0; step < steps; ++step) {
    const int64_t seen = question.first + step;
    out.decoder.select(1, step)
        .narrow(1, seen, tokens - seen)
        .fill_(std::numeric_limits<float>::quiet_NaN());
  }
  report_done(steps, question);
  return out;
}

}  // namespace inseq::engine
