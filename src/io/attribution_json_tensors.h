#pragma once
#include <ATen/core/Tensor.h>

#include <string>

#include "io/attribution_json.h"
#include "io/python_json.h"

// The two encodings of tensors in attribution files.
namespace inseq::io {

/// Base64 of a safetensors file with the one tensor "attribution"; how sequence attributions are
/// kept.
Json encode_safetensor(const at::Tensor& tensor, ScorePrecision precision, LateTexts& late);
/// Its tensor in float32. `where` is the place in the file for messages.
at::Tensor decode_safetensor(const Json& value, const std::string& where);

/// An object that describes a NumPy array, its bytes in base64; how step attributions are kept.
/// `pack` says whether the bytes may be gzipped where that saves a tenth.
Json encode_ndarray(const at::Tensor& tensor, bool pack, LateTexts& late);
std::string ndarray_text(const at::Tensor& tensor, bool pack);
/// Its tensor in float32; nested lists of numbers are understood as well.
at::Tensor decode_ndarray(const Json& value, const std::string& where);

}  // namespace inseq::io
