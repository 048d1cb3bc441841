#include "nn/activation.h"

#include <cmath>
#include <numbers>

#include "base/registry.h"

namespace inseq::nn {
namespace {

using Function = Tensor (*)(const Tensor&);

Tensor gelu(const Tensor& x) { return at::gelu(x); }
Tensor gelu_tanh(const Tensor& x) { return at::gelu(x, "tanh"); }
Tensor silu(const Tensor& x) { return at::silu(x); }

const NamedRegistry<Function>& all_functions() {
  static const NamedRegistry<Function> registry = [] {
    NamedRegistry<Function> r("activation function", "");
    for (const char* name : {"gelu", "gelu_python"}) r.add(name, gelu);
    // transformers has five spellings of the same tanh approximation (Hendrycks and Gimpel 2016).
    for (const char* name :
         {"gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh", "gelu_python_tanh"}) {
      r.add(name, gelu_tanh);
    }
    for (const char* name : {"silu", "swish"}) r.add(name, silu);
    r.add("quick_gelu", [](const Tensor& x) { return x * at::sigmoid(1.702 * x); });
    r.add("gelu_10", [](const Tensor& x) { return at::gelu(x).clamp(-10, 10); });
    r.add("relu", [](const Tensor& x) { return at::relu(x); });
    r.add("relu2", [](const Tensor& x) { return at::relu(x).square(); });
    r.add("relu6", [](const Tensor& x) { return x.clamp(0, 6); });
    r.add("leaky_relu", [](const Tensor& x) { return at::leaky_relu(x); });
    r.add("tanh", [](const Tensor& x) { return at::tanh(x); });
    r.add("sigmoid", [](const Tensor& x) { return at::sigmoid(x); });
    r.add("mish", [](const Tensor& x) { return at::mish(x); });
    r.add("hardswish", [](const Tensor& x) { return at::hardswish(x); });
    r.add("linear", [](const Tensor& x) { return x * 1; });
    return r;
  }();
  return registry;
}

Function function_named(const std::string& name) {
  const NamedRegistry<Function>& all = all_functions();
  INSEQ_CHECK(all.contains(name), InvalidArgument, "unknown activation function \"", name, "\"",
              did_you_mean(name, all.names()), " (there are ", join_choices(all.names()), ")");
  return all.at(name);
}

}  // namespace

Activation::Activation(const std::string& name)
    : function_(function_named(name)),
      rescaled_by_captum_(name == "relu" || name == "leaky_relu" || name == "sigmoid" ||
                          name == "tanh") {}

Tensor Activation::secant(const Tensor& x, const Tensor& from) const {
  constexpr double kSame = 1e-10;  // as in Captum
  const Tensor run = x - from;
  return at::where(run.abs().lt(kSame), slope(x), (value(x) - value(from)) / run);
}

Tensor Activation::slope(const Tensor& x) const {
  const at::AutoGradMode recording(true);
  const Tensor leaf = x.detach().requires_grad_();
  return torch::autograd::grad({function_(leaf).sum()}, {leaf})[0];
}

}  // namespace inseq::nn
