#include "inseq/process_memory.h"

#include <malloc.h>

#include <cstdlib>

namespace inseq {

void prepare_process_memory() {
  setenv("THP_MEM_ALLOC_ENABLE", "1", /*overwrite=*/0);
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
#endif
}

}  // namespace inseq
