#include "base/memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstring>
#include <memory>

#include "inseq/process_memory.h"

namespace inseq {
namespace {

constexpr size_t kBytes = size_t{256} << 20;

#ifdef __SANITIZE_ADDRESS__
constexpr bool kAllocatorOfGlibc = false;
#else
constexpr bool kAllocatorOfGlibc = true;
#endif

std::unique_ptr<char[]> touched() {
  auto memory = std::make_unique_for_overwrite<char[]>(kBytes);
  std::memset(memory.get(), 1, kBytes);
  return memory;
}

long page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

TEST(ProcessMemory, FreedMemoryIsKeptForTheNextUse) {
  if (!kAllocatorOfGlibc) GTEST_SKIP() << "the address sanitizer brings its allocator";
  prepare_process_memory();
  touched();
  const long before = page_faults();
  touched();
  EXPECT_LT(page_faults() - before, 100);  // 65536 pages of 4 KiB
}

/// Other programs take and free memory, too: one of several tries shows it.
TEST(ProcessMemory, WhatTheAllocatorKeepsIsFree) {
  if (!kAllocatorOfGlibc) GTEST_SKIP() << "the address sanitizer brings its allocator";
  prepare_process_memory();
  int64_t most = 0;
  for (int tries = 0; tries < 20 && most < int64_t{kBytes} * 3 / 4; ++tries) {
    auto memory = touched();
    const int64_t taken = free_memory();
    memory.reset();
    most = std::max(most, free_memory() - taken);
  }
  EXPECT_GE(most, int64_t{kBytes} * 3 / 4);
}

}  // namespace
}  // namespace inseq
