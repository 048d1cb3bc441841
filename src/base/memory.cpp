#include "base/memory.h"

#include <malloc.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <iomanip>
#include <sstream>

#include "inseq/error.h"

namespace inseq {
namespace {

/// Bytes that the system counts as this program's, but no object uses.
int64_t kept_by_allocator() {
#ifdef __GLIBC__
  return static_cast<int64_t>(mallinfo2().fordblks);
#else
  return 0;
#endif
}

}  // namespace

int64_t free_memory() {
  std::ifstream info("/proc/meminfo");
  for (std::string key; info >> key;) {
    int64_t kib = 0;
    if (key == "MemAvailable:" && info >> kib) return kib * 1024 + kept_by_allocator();
  }
  return 0;
}

std::string bytes_text(int64_t bytes) {
  static constexpr const char* kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
  std::ostringstream out;
  out << std::setprecision(value < 10 && unit > 0 ? 2 : 4) << value << ' ' << kUnits[unit];
  return out.str();
}

int64_t parse_bytes(const std::string& text) {
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(rest, text.data() + text.size());
  unit.erase(std::remove(unit.begin(), unit.end(), ' '), unit.end());
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  double factor = 0;
  if (unit.empty() || unit == "b") factor = 1;
  double decimal = 1, binary = 1;
  for (const std::string letter : {"k", "m", "g"}) {
    decimal *= 1000, binary *= 1024;
    if (unit == letter + "b") factor = decimal;
    if (unit == letter || unit == letter + "ib") factor = binary;
  }
  const double bytes = number * factor;
  INSEQ_CHECK(error == std::errc() && factor > 0 && bytes >= 1 && bytes < 9e18, InvalidArgument,
              "\"", text, "\" is not an amount of memory; write for example 4GB or 512MiB");
  return static_cast<int64_t>(bytes);
}

}  // namespace inseq
