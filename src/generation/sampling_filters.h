#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

/// Which tokens sampling may choose. Everywhere: `scores` [batch, vocab] are logits; the result
/// keeps some of each sequence, always the likeliest, and has minus infinity at the others.
namespace inseq::generation {

using Tensor = at::Tensor;

/// The k largest, and whatever equals the smallest of them (Fan et al. 2018).
Tensor keep_top_k(const Tensor& scores, int64_t k);

/// The fewest likeliest tokens whose probabilities add up to `mass` (nucleus; Holtzman et al.
/// 2020).
Tensor keep_top_p(const Tensor& scores, double mass);

/// Tokens at least `share` times as likely as the likeliest (Nguyen et al. 2024).
Tensor keep_min_p(const Tensor& scores, double share);

/// The likeliest of the first 100 tokens whose entropy stays within `share` of the whole (top-H).
Tensor keep_top_h(const Tensor& scores, double share);

/// The tokens whose information is nearest to the entropy, up to probability `mass` (Meister et al.
/// 2023).
Tensor keep_typical(const Tensor& scores, double mass);

/// Tokens of probability `bound` and more (Hewitt et al. 2022).
Tensor keep_epsilon(const Tensor& scores, double bound);

/// Tokens of probability min(e, sqrt(e) * exp(-entropy)) and more, e being `bound` (Hewitt et al.
/// 2022).
Tensor keep_eta(const Tensor& scores, double bound);

}  // namespace inseq::generation
