// A stand-in for libtorch_cuda on machines without a GPU: tensors on cuda:0 lie in main memory, and
// every operation runs on the CPU. As on a GPU, an operation refuses tensors of two devices, and
// products of integers. What a GPU does faster, or rounds otherwise, it cannot show.
#include "stand_in.h"

#include <ATen/EmptyTensor.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

namespace inseq::test {
namespace {

using at::Tensor;

constexpr c10::DispatchKeySet kKeys(c10::DispatchKey::CUDA);
const c10::Device kDevice(c10::kCUDA, 0);
size_t free_bytes = size_t{4} << 30;
size_t operations = 0;

class Memory : public c10::DeviceAllocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* data = bytes == 0 ? nullptr : std::malloc(bytes);
    return {data, data, &std::free, kDevice};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &std::free; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }
  bool initialized() override { return true; }
  void emptyCache(c10::MempoolId_t) override {}
  void recordStream(const c10::DataPtr&, c10::Stream) override {}
  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(c10::DeviceIndex) override { return {}; }
  void resetAccumulatedStats(c10::DeviceIndex) override {}
  void resetPeakStats(c10::DeviceIndex) override {}
  std::pair<size_t, size_t> getMemoryInfo(c10::DeviceIndex) override {
    return {free_bytes, free_bytes};
  }
};

Memory& memory() {
  static auto* const one = new Memory;  // tensors may outlive everything else
  return *one;
}

struct Guard : c10::impl::NoOpDeviceGuardImpl<c10::kCUDA> {
  c10::Device exchangeDevice(c10::Device) const override { return kDevice; }
  c10::Device getDevice() const override { return kDevice; }
  c10::Stream getStream(c10::Device) const noexcept override { return stream(); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return stream(); }
  static c10::Stream stream() { return c10::Stream(c10::Stream::DEFAULT, kDevice); }
};
C10_REGISTER_GUARD_IMPL(CUDA, Guard);

struct Hooks : at::CUDAHooksInterface {
  explicit Hooks(at::CUDAHooksArgs) {}
  void init() const override {}
  bool hasCUDA() const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex current_device() const override { return 0; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
};

Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> type, std::optional<at::Layout>,
             std::optional<at::Device>, std::optional<bool>,
             std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &memory(), kKeys, c10::dtype_or_default(type), format);
}

Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef strides,
                     std::optional<at::ScalarType> type, std::optional<at::Layout>,
                     std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, strides, &memory(), kKeys,
                                           c10::dtype_or_default(type));
}

/// The same memory as a tensor of the CPU.
Tensor on_cpu(const Tensor& x) {
  if (x.is_cpu()) return x;
  return at::from_blob(x.unsafeGetTensorImpl()->mutable_data(), x.sizes(), x.strides(),
                       x.options().device(at::kCPU).requires_grad(false));
}

Tensor& copy(Tensor& to, const Tensor& from, bool) {
  on_cpu(to).copy_(on_cpu(from));
  return to;
}

Tensor copy_from_and_resize(const Tensor& from, const Tensor& to) {
  if (to.sizes() != from.sizes()) to.resize_(from.sizes());
  on_cpu(to).copy_(on_cpu(from));
  return to;
}

at::Scalar number(const Tensor& x) { return on_cpu(x).item(); }

const Tensor& resize(const Tensor& x, at::IntArrayRef size, std::optional<at::MemoryFormat>) {
  x.unsafeGetTensorImpl()->set_sizes_contiguous(size);
  const size_t needed = static_cast<size_t>(x.storage_offset() + x.numel()) * x.itemsize();
  const c10::Storage& storage = x.storage();
  if (storage.nbytes() < needed) {
    c10::DataPtr larger = memory().allocate(needed);
    if (storage.nbytes() > 0) std::memcpy(larger.get(), storage.data(), storage.nbytes());
    storage.set_data_ptr_noswap(std::move(larger));
    storage.set_nbytes(needed);
  }
  return x;  // NOLINT(bugprone-return-const-ref-from-parameter): as resize_ is declared
}

/// Numbers may come from the CPU, and indices of x[index]; nothing else may.
void check_arguments(const c10::OperatorHandle& op, const torch::jit::Stack& stack) {
  static constexpr std::array kIndexing = {"aten::index", "aten::index_put", "aten::index_put_",
                                           "aten::_index_put_impl_"};
  static constexpr std::array kProducts = {"aten::mm", "aten::bmm", "aten::addmm", "aten::baddbmm",
                                           "aten::mv", "aten::dot", "aten::addmv"};
  const std::string& name = op.schema().name();
  const auto named = [&](const auto& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const auto check = [&](const Tensor& x) {
    if (!x.defined()) return;
    TORCH_CHECK(x.is_cuda() || x.dim() == 0, name, " on cuda:0 was given a tensor on ", x.device());
    TORCH_CHECK(x.is_floating_point() || !named(kProducts), name,
                " on cuda:0 was given integers, which it cannot multiply");
  };
  for (const c10::IValue& value : torch::jit::last(stack, op.schema().arguments().size())) {
    if (value.isTensor()) check(value.toTensor());
    if (value.isTensorList()) {
      for (const Tensor& x : value.toTensorList()) check(x);
    }
    if (value.isOptionalTensorList() && !named(kIndexing)) {
      for (const std::optional<Tensor> x : value.toOptionalTensorList())
        check(x.value_or(Tensor()));
    }
  }
}

void run_on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  check_arguments(op, *stack);
  ++operations;
  at::native::cpu_fallback(op, stack, /*error_on_views=*/true);
}

TORCH_LIBRARY_IMPL(_, CUDA, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_cpu>());
}

TORCH_LIBRARY_IMPL(aten, CUDA, m) {
  m.impl("empty.memory_format", empty);
  m.impl("empty_strided", empty_strided);
  m.impl("as_strided", at::native::as_strided_tensorimpl);
  m.impl("view", at::native::view);
  m.impl("_reshape_alias", at::native::_reshape_alias);
  m.impl("unfold", at::native::unfold);
  m.impl("copy_", copy);
  m.impl("_copy_from_and_resize", copy_from_and_resize);
  m.impl("_local_scalar_dense", number);
  m.impl("resize_", resize);
}

const bool registered = [] {
  c10::SetAllocator(c10::kCUDA, &memory());
  at::CUDAHooksRegistry()->Register(
      "CUDAHooks", [](at::CUDAHooksArgs arguments) { return std::make_unique<Hooks>(arguments); });
  return true;
}();

}  // namespace

void set_free_gpu_memory(size_t bytes) { free_bytes = bytes; }
size_t operations_on_gpu() { return operations; }

}  // namespace inseq::test
