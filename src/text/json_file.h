#pragma once
#include <string>
#include <utility>
#include <vector>

#include "text/added_token.h"

namespace inseq::text {

/// Parses a JSON object that came from outside. FormatError begins with `name` and says where the
/// text is broken, or that it is not an object or nested deeper than any real file.
Json parse_object(const std::string& content, const std::string& name);

/// The object in a file of the folder; an empty object when there is no such file.
Json read_object(const std::string& folder, const char* file);

/// The entries of an object whose values are not objects or arrays (those are null here), in their
/// order: for lists of words, as a Json object takes time quadratic in its size.
std::vector<std::pair<std::string, Json>> read_entries(const std::string& folder, const char* file);

/// Whether the folder has the file, and its content.
bool has_file(const std::string& folder, const char* file);
std::string read_file(const std::string& folder, const char* file);

}  // namespace inseq::text
