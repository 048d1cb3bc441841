#pragma once
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string>

namespace inseq::models {

/// Throws InvalidOption unless the name is "cpu", "cuda" or "cuda:N", which need not be there.
void check_device_name(const std::string& name);

/// "cpu", "cuda" or "cuda:N". CUDA support is loaded when first asked for; throws InvalidArgument
/// with the reason when there is no such device here.
at::Device open_device(const std::string& name);

/// Bytes that a computation on the device could still take; 0 when that is not known.
int64_t free_memory(at::Device device);

/// "float32", "bfloat16", "float16", "float64" (with or without "torch."). Throws InvalidOption.
at::ScalarType parse_dtype(const std::string& name);

}  // namespace inseq::models
