#pragma once
#include <cstdint>

namespace at {
struct Generator;
}

namespace inseq::methods {

/// A random generator for draw `index` of a run with that seed, independent of the other draws.
at::Generator random_stream(uint64_t seed, uint64_t index);

}  // namespace inseq::methods
