#include "generation/sampling_filters.h"

#include <cmath>
#include <limits>

namespace inseq::generation {
namespace {

/// `scores` where `kept` holds.
Tensor keep(const Tensor& scores, const Tensor& kept) {
  return scores.masked_fill(kept.logical_not(), -std::numeric_limits<double>::infinity());
}

/// In nats; tokens of probability zero add nothing: [batch, 1].
Tensor entropy(const Tensor& log_p) { return -(log_p * log_p.exp()).nansum({-1}, true); }

/// Whether each score is the largest of its sequence: [batch, vocab].
Tensor is_top(const Tensor& scores) { return scores.ge(scores.amax({-1}, true)); }

}  // namespace

Tensor keep_top_k(const Tensor& scores, int64_t k) {
  const Tensor top = std::get<0>(scores.topk(std::min(k, scores.size(1))));  // descending
  return keep(scores, scores.ge(top.narrow(1, top.size(1) - 1, 1)));
}

Tensor keep_top_p(const Tensor& scores, double mass) {
  const auto [sorted, order] = scores.sort(-1, /*descending=*/false);
  // What a token and all less likely ones add up to must exceed what may be dropped.
  Tensor kept = sorted.softmax(-1).cumsum(-1).gt(1 - mass);
  kept.narrow(1, kept.size(1) - 1, 1).fill_(true);
  return keep(scores, at::empty_like(kept).scatter_(1, order, kept));
}

Tensor keep_min_p(const Tensor& scores, double share) {
  const Tensor p = scores.softmax(-1);
  return keep(scores, p.ge(p.amax({-1}, true) * share));
}

Tensor keep_top_h(const Tensor& scores, double share) {
  constexpr int64_t kMostTokens = 100;
  const auto [top, order] = scores.topk(std::min(kMostTokens, scores.size(1)));  // descending
  const Tensor log_p = top.log_softmax(-1);
  const Tensor spent = (-log_p.exp() * log_p).cumsum(-1);  // NaN, so dropped, at minus infinity
  Tensor kept = spent.le(entropy(log_p) * share);
  kept.narrow(1, 0, 1).fill_(true);
  return keep(scores,
              at::zeros_like(scores, scores.options().dtype(at::kBool)).scatter_(1, order, kept));
}

Tensor keep_typical(const Tensor& scores, double mass) {
  const Tensor log_p = scores.log_softmax(-1);
  const auto [distance, order] = (-log_p - entropy(log_p)).abs().sort(-1, /*descending=*/false);
  const Tensor reached = scores.gather(-1, order).softmax(-1).cumsum(-1);
  const Tensor last = reached.lt(mass).sum(-1, /*keepdim=*/true).clamp_max(scores.size(1) - 1);
  Tensor kept = distance.le(distance.gather(1, last));
  kept.narrow(1, 0, 1).fill_(true);
  return keep(scores, at::empty_like(kept).scatter_(1, order, kept));
}

Tensor keep_epsilon(const Tensor& scores, double bound) {
  return keep(scores, scores.softmax(-1).ge(bound).logical_or(is_top(scores)));
}

Tensor keep_eta(const Tensor& scores, double bound) {
  const Tensor log_p = scores.log_softmax(-1);
  const Tensor eta = (std::sqrt(bound) * (-entropy(log_p)).exp()).clamp_max(bound);  // [batch, 1]
  return keep(scores, scores.softmax(-1).ge(eta).logical_or(is_top(scores)));
}

}  // namespace inseq::generation
