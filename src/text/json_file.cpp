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

/// Parses an object; `keep` is asked about each part as Json::parse asks its callback.
template <typename Keep>
Json parse_with(const std::string& content, const std::string& name, const Keep& keep) {
  const auto visit = [&](int depth, Json::parse_event_t event, Json& part) {
    INSEQ_CHECK(depth <= kMaxDepth, FormatError, name, ": nested more than ", kMaxDepth,
                " levels deep");
    return keep(depth, event, part);
  };
  Json parsed;
  try {
    parsed = Json::parse(content, visit);
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

}  // namespace

Json parse_object(const std::string& content, const std::string& name) {
  return parse_with(content, name, [](int, Json::parse_event_t, const Json&) { return true; });
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

std::vector<std::pair<std::string, Json>> read_entries(const std::string& folder,
                                                       const char* file) {
  std::vector<std::pair<std::string, Json>> entries;
  // Adding to a Json object takes time that grows with its size, so entries never become one.
  const auto take = [&](int depth, Json::parse_event_t event, const Json& part) {
    if (depth != 1) return true;
    if (event == Json::parse_event_t::key) {
      entries.emplace_back(part.get<std::string>(), Json());
    } else if (event == Json::parse_event_t::value && !entries.empty()) {
      entries.back().second = part;
    }
    return event != Json::parse_event_t::key;
  };
  parse_with(read_file(folder, file), path_of(folder, file), take);
  return entries;
}

}  // namespace inseq::text
