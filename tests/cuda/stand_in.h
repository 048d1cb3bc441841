#pragma once
#include <cstddef>

namespace inseq::test {

/// What the stand-in for a GPU says is free of its memory. The default is 4 GiB.
void set_free_gpu_memory(size_t bytes);

/// Operations run on it so far.
size_t operations_on_gpu();

}  // namespace inseq::test
