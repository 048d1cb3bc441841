#include "nn/kernels/packed_product.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <atomic>

#include "base/memory.h"

namespace inseq::nn::kernels {
namespace {

constexpr int64_t kSmallest = 1 << 14;  // elements; below, calling costs more than packing saves
constexpr int64_t kRows = 512;          // of the inputs that the order is chosen for

using Pack = Tensor(const Tensor&, std::optional<int64_t>);
using Multiply = Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&,
                        c10::string_view, c10::List<std::optional<at::Scalar>>,
                        std::optional<c10::string_view>);

template <typename Signature>
std::optional<c10::TypedOperatorHandle<Signature>> find(const char* name) {
  auto& dispatcher = c10::Dispatcher::singleton();
  const auto found = dispatcher.findSchema({name, ""});
  if (!found || !found->hasKernelForDispatchKey(c10::DispatchKey::CPU)) return std::nullopt;
  return found->typed<Signature>();
}

struct Operators {
  std::optional<c10::TypedOperatorHandle<Pack>> pack;
  std::optional<c10::TypedOperatorHandle<Multiply>> multiply;
};

const Operators& operators() {
  static const Operators found{find<Pack>("mkldnn::_reorder_linear_weight"),
                               find<Multiply>("mkldnn::_linear_pointwise")};
  return found;
}

std::atomic<int64_t> packed_bytes{0};

/// Takes `bytes` from what copies may use in this process.
bool reserve(int64_t bytes) {
  static const int64_t budget = free_memory() / 4;
  if (packed_bytes.fetch_add(bytes) + bytes <= budget) return true;
  packed_bytes -= bytes;
  return false;
}

int64_t bytes_of(const Tensor& weight) { return weight.numel() * weight.element_size(); }

bool can_pack(const Tensor& weight) {
  const at::ScalarType type = weight.scalar_type();
  return weight.is_cpu() && weight.numel() >= kSmallest &&
         (type == at::kFloat || type == at::kBFloat16) && operators().pack && operators().multiply;
}

}  // namespace

PackedProduct::~PackedProduct() {
  if (packed_.defined()) packed_bytes -= bytes_of(packed_);
}

Tensor PackedProduct::operator()(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
  std::call_once(once_, [&] {
    if (can_pack(weight) && reserve(bytes_of(weight)))
      packed_ = operators().pack->call(weight.contiguous(), kRows);
  });
  if (!packed_.defined()) return {};
  return operators().multiply->call(x.contiguous(), packed_,
                                    bias.defined() ? std::optional<Tensor>(bias) : std::nullopt,
                                    "none", c10::List<std::optional<at::Scalar>>(), "");
}

}  // namespace inseq::nn::kernels
