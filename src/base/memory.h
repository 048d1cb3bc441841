#pragma once
#include <cstdint>
#include <string>

namespace inseq {

/// Bytes of main memory that this program could still use without swapping, those its allocator
/// keeps included; 0 when the system does not say.
int64_t free_memory();

/// "512 KiB", "1.5 GiB".
std::string bytes_text(int64_t bytes);

/// Reads "4GB", "512MiB", "1.5g" or a number of bytes. Powers of ten for kB, MB, GB; of two for
/// KiB, MiB, GiB and the bare letters k, m, g. Throws InvalidArgument otherwise.
int64_t parse_bytes(const std::string& text);

}  // namespace inseq
