#include "nn/mixture.h"

#include "inseq/error.h"

namespace inseq::nn {
namespace {

constexpr int64_t kChosen = 2;  // experts a token goes through

/// Calls visit(expert, choice, rows) for every expert that is the choice-th (0 or 1) of some of the
/// rows. chosen: [rows, 2].
template <typename Visit>
void for_each_expert(const Tensor& chosen, int64_t experts, const Visit& visit) {
  const Tensor on_cpu = chosen.cpu();
  for (int64_t choice = 0; choice < kChosen; ++choice) {
    for (int64_t expert = 0; expert < experts; ++expert) {
      const Tensor rows = on_cpu.select(1, choice).eq(expert).nonzero().view(-1);
      if (rows.numel() > 0) visit(expert, choice, rows.to(chosen.device()));
    }
  }
}

}  // namespace

Mixture::Mixture(Linear router, std::vector<Expert> experts, Activation activation, double scale)
    : router_(std::move(router)),
      experts_(std::move(experts)),
      activation_(activation),
      scale_(scale) {}

Tensor Mixture::inner(const Tensor&) const {
  throw Unsupported(
      "DeepLIFT cannot compare a mixture of experts with a baseline: the tokens of the two may go "
      "through different experts; use integrated_gradients");
}

Tensor Mixture::forward(const Tensor& x, Saved* saved, const Reference& reference) const {
  if (reference.inner.defined()) inner(x);
  const Tensor rows = x.flatten(0, -2);  // [rows, hidden]
  const auto [scores, chosen] = widened(router_.forward(rows)).topk(kChosen, -1);
  const Tensor shares = scores.softmax(-1);  // [rows, 2]
  const int64_t count = rows.size(0), units = experts_.front().up.out_features();
  const Tensor outputs = at::empty({count, kChosen, x.size(-1)}, x.options());
  const Tensor slopes =
      saved == nullptr ? Tensor() : at::empty({count, kChosen, units}, x.options());
  Tensor y = at::zeros(rows.sizes(), shares.options());
  for_each_expert(chosen, static_cast<int64_t>(experts_.size()),
                  [&](int64_t index, int64_t choice, const Tensor& of) {
                    const Expert& expert = experts_[static_cast<size_t>(index)];
                    const Tensor inner = expert.up.forward(rows.index_select(0, of));
                    const Tensor out = expert.down.forward(activation_.value(inner));
                    const Tensor share = shares.select(1, choice).index_select(0, of);
                    y = y.index_add(0, of, out * share.unsqueeze(1) * scale_);
                    if (saved == nullptr) return;
                    outputs.select(1, choice).index_copy_(0, of, out);
                    slopes.select(1, choice).index_copy_(0, of, activation_.slope(inner));
                  });
  if (saved != nullptr) {
    const auto shaped = [&](const Tensor& of_rows) {
      return of_rows.flatten(1).view({x.size(0), x.size(1), -1});
    };
    *saved = {.slopes = shaped(slopes),
              .inner = {},
              .experts = shaped(chosen),
              .shares = shaped(shares),
              .outputs = shaped(outputs)};
  }
  return y.to(x.scalar_type()).view(x.sizes());
}

Tensor Mixture::pullback(const Tensor& grad_y, const Saved& saved, const Rows& rows) const {
  const Tensor chosen = rows.of(saved.experts), shares = rows.of(saved.shares);  // [rows, 2]
  const Tensor outputs = rows.of(saved.outputs).unflatten(1, {kChosen, -1});
  const Tensor slopes = rows.of(saved.slopes).unflatten(1, {kChosen, -1});
  const Tensor grad = widened(grad_y) * scale_;
  // dg = g (1 - g) (dr1 - dr2)
  const Tensor slope = shares.prod(-1, true);
  const Tensor grad_share = (grad * (outputs.select(1, 0) - outputs.select(1, 1))).sum(-1, true);
  const Tensor grad_first = slope * grad_share;  // [rows, 1], of r1; that of r2 is its negative
  const Tensor grad_scores = at::zeros({grad.size(0), router_.out_features()}, grad.options())
                                 .scatter(1, chosen, at::cat({grad_first, -grad_first}, 1));
  Tensor grad_x = widened(router_.pullback(grad_scores.to(grad_y.scalar_type())));
  for_each_expert(
      chosen, static_cast<int64_t>(experts_.size()),
      [&](int64_t index, int64_t choice, const Tensor& of) {
        const Expert& expert = experts_[static_cast<size_t>(index)];
        const auto picked = [&](const Tensor& x) { return x.index_select(0, of); };
        const Tensor of_output = picked(grad) * picked(shares.select(1, choice)).unsqueeze(1);
        const Tensor of_inner = expert.down.pullback(of_output.to(grad_y.scalar_type())) *
                                picked(slopes.select(1, choice));
        grad_x = grad_x.index_add(0, of, widened(expert.up.pullback(of_inner)));
      });
  return grad_x.to(grad_y.scalar_type());
}

}  // namespace inseq::nn
