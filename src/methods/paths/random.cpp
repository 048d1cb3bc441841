#include "methods/paths/random.h"

#include <ATen/CPUGeneratorImpl.h>

namespace inseq::methods {

at::Generator random_stream(uint64_t seed, uint64_t index) {
  // SplitMix64 (Steele et al. 2014) spreads neighbouring numbers over the whole range.
  uint64_t mixed = seed * 0x9e3779b97f4a7c15u + index + 1;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return at::make_generator<at::CPUGeneratorImpl>(mixed ^ (mixed >> 31));
}

}  // namespace inseq::methods
