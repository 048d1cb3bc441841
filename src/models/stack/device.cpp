#include "models/stack/device.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>

#include <filesystem>

#include "base/memory.h"
#include "base/text_distance.h"
#include "inseq/error.h"

namespace inseq::models {
namespace {

/// Loads libtorch_cuda from beside libtorch_cpu, unless the process has CUDA already: linking it
/// would cost half a second on every start, and keep programs from starting at all where NVIDIA's
/// libraries are missing. Must run before the first question about CUDA, since LibTorch keeps the
/// first answer. Returns the reason of a failure, or "".
std::string load_cuda() {
  if (!at::CUDAHooksRegistry()->Has("CUDAHooks")) {
    Dl_info info{};
    if (dladdr(reinterpret_cast<void*>(&at::globalContext), &info) == 0)
      return "LibTorch was not found";
    const auto library = std::filesystem::path(info.dli_fname).parent_path() / "libtorch_cuda.so";
    std::error_code error;
    if (!std::filesystem::exists(library, error)) return "this LibTorch was installed without CUDA";
    if (dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) return dlerror();
  }
  return at::globalContext().hasCUDA() ? "" : "no CUDA device was found";
}

}  // namespace

void check_device_name(const std::string& name) {
  const bool numbered = name.starts_with("cuda:") && name.size() > 5 && name.size() < 9 &&
                        name.find_first_not_of("0123456789", 5) == std::string::npos;
  INSEQ_CHECK(name == "cpu" || name == "cuda" || numbered, InvalidOption, "unknown device \"", name,
              "\"; there are cpu, cuda and cuda:N");
}

at::Device open_device(const std::string& name) {
  check_device_name(name);
  if (name == "cpu") return at::kCPU;
  static const std::string reason = load_cuda();
  INSEQ_CHECK(reason.empty(), InvalidArgument, "device \"", name, "\" cannot be used: ", reason);
  const int index = name == "cuda" ? 0 : std::stoi(name.substr(5));
  const int count = static_cast<unsigned char>(at::detail::getCUDAHooks().deviceCount());
  INSEQ_CHECK(index < count, InvalidArgument, "device \"", name, "\" cannot be used: there are ",
              count, " CUDA devices");
  return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
}

int64_t free_memory(at::Device device) {
  if (device.is_cpu()) return inseq::free_memory();
  c10::DeviceAllocator& allocator = *c10::getDeviceAllocator(device.type());
  const c10::CachingDeviceAllocator::DeviceStats stats = allocator.getDeviceStats(device.index());
  // What LibTorch keeps of freed tensors counts as used to the device.
  constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  const int64_t kept = stats.reserved_bytes[kAll].current - stats.allocated_bytes[kAll].current;
  return static_cast<int64_t>(allocator.getMemoryInfo(device.index()).first) + kept;
}

at::ScalarType parse_dtype(const std::string& name) {
  const std::string bare = name.starts_with("torch.") ? name.substr(6) : name;
  if (bare == "float32" || bare == "float") return at::kFloat;
  if (bare == "bfloat16") return at::kBFloat16;
  if (bare == "float16" || bare == "half") return at::kHalf;
  if (bare == "float64" || bare == "double") return at::kDouble;
  throw InvalidOption(concat("unknown dtype \"", name, "\"",
                             did_you_mean(bare, {"float32", "bfloat16", "float16", "float64"}),
                             " (there are float32, bfloat16, float16, float64 and auto)"));
}

}  // namespace inseq::models
