#pragma once
#include <functional>
#include <string_view>

namespace inseq {

/// Takes text or bytes piece by piece, in order: a file, a string, or something that changes them
/// on their way there.
using Sink = std::function<void(std::string_view)>;

}  // namespace inseq
