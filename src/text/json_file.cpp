#include "text/json_file.h"

#include <filesystem>

#include "inseq/error.h"
#include "io/file.h"

namespace inseq::text {
namespace {

/// Copying and printing JSON is recursive, so nesting is limited.
constexpr int kMaxDepth = 64;

std::string path_of(const std::string& folder, const char* file) {
  return (std::filesystem::path(folder) / file).string();
}

}  // namespace

Json parse_object(const std::string& content, const std::string& name) {
  const auto watch_depth = [&name](int depth, Json::parse_event_t, Json&) {
    INSEQ_CHECK(depth <= kMaxDepth, FormatError, name, ": nested more than ", kMaxDepth,
                " levels deep");
    return true;
  };
  Json parsed;
  try {
    parsed = Json::parse(content, watch_depth);
  } catch (const Json::parse_error& error) {
    throw FormatError(
        concat(name, ": not JSON: byte ", error.byte, " of ", content.size(), " is out of place"));
  } catch (const Json::exception&) {
    throw FormatError(concat(name, ": holds a number outside the range of JSON numbers"));
  }
  INSEQ_CHECK(parsed.is_object(), FormatError, name, ": holds a JSON ", parsed.type_name(),
              ", needed an object");
  return parsed;
}

bool has_file(const std::string& folder, const char* file) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path_of(folder, file), ignored);
}

std::string read_file(const std::string& folder, const char* file) {
  return io::read_text(path_of(folder, file));
}

Json read_object(const std::string& folder, const char* file) {
  if (!has_file(folder, file)) return Json::object();
  return parse_object(read_file(folder, file), path_of(folder, file));
}

}  // namespace inseq::text
