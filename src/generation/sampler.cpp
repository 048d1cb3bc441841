#include "generation/sampler.h"

namespace inseq::generation {
namespace {

/// FNV-1a over the bytes of the ids that are not padding, lowest byte first.
uint64_t hash_of(const Tensor& prompt) {
  uint64_t hash = 0xcbf29ce484222325u;
  const Tensor ids = prompt.contiguous();
  for (int64_t i = 0; i < ids.size(0); ++i) {
    const int64_t id = ids.const_data_ptr<int64_t>()[i];
    for (int byte = 0; id >= 0 && byte < 8; ++byte) {
      hash = (hash ^ ((static_cast<uint64_t>(id) >> (8 * byte)) & 0xff)) * 0x100000001b3u;
    }
  }
  return hash;
}

/// Uniform in [0, 1), from the upper 53 bits: unlike std::uniform_real_distribution the same
/// everywhere.
double uniform(std::mt19937_64& stream) { return static_cast<double>(stream() >> 11) * 0x1.0p-53; }

}  // namespace

Sampler::Sampler(uint64_t seed, const Tensor& prompts) {
  std::map<uint64_t, uint32_t> copies;  // equal prompts so far, by their hash
  for (int64_t row = 0; row < prompts.size(0); ++row) {
    const uint64_t hash = hash_of(prompts[row]);
    std::seed_seq mixed{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
                        static_cast<uint32_t>(hash), static_cast<uint32_t>(hash >> 32),
                        copies[hash]++};
    streams_.emplace_back(mixed);
  }
}

Tensor Sampler::draw(const Tensor& scores) {
  Tensor u = at::empty({scores.size(0), 1}, at::kDouble);
  for (size_t row = 0; row < streams_.size(); ++row) {
    u.mutable_data_ptr<double>()[row] = uniform(streams_[row]);
  }
  // The first token at which the summed probability exceeds u. In float64: a vocabulary's worth of
  // float32 sums would shift the draws visibly. Tokens of probability zero leave the sum as it was,
  // so are never the first.
  const Tensor sums = scores.to(at::kDouble).softmax(-1).cumsum(-1);  // [batch, vocab]
  const Tensor total = sums.narrow(1, sums.size(1) - 1, 1);  // [batch, 1], 1 up to rounding
  const Tensor ids = at::searchsorted(sums, u.to(scores.device()) * total, /*out_int32=*/false,
                                      /*right=*/true);
  // Sequences that have ended may hold anything, NaN included; their draws are not used.
  return ids.clamp_max(sums.size(1) - 1).squeeze(1).to(at::kCPU);
}

Tensor Sampler::draw_several(int64_t sequence, const Tensor& scores, int64_t count) {
  // The greatest sums of score and Gumbel noise are draws without replacement (Kool et al. 2019).
  auto& stream = streams_[static_cast<size_t>(sequence)];
  Tensor u = at::empty(scores.sizes(), at::kDouble);
  double* values = u.mutable_data_ptr<double>();
  for (int64_t i = 0; i < u.numel(); ++i) values[i] = uniform(stream) + 0x1.0p-54;  // never 0
  const Tensor noisy = scores.to(at::kCPU, at::kDouble) - (-u.log()).log();
  return std::get<1>(noisy.topk(count));
}

uint64_t random_seed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

}  // namespace inseq::generation
