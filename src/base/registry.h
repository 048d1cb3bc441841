#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/text_distance.h"
#include "inseq/error.h"

namespace inseq {

/// Things found by name. `kind` is what one of them is called in messages ("attribution method"),
/// and `listing` the command that lists them ("inseq methods"). Asking for an unknown name throws
/// `Unknown`: InvalidOption where users choose names, InvalidArgument where files do.
template <typename Entry, typename Unknown = InvalidArgument>
class NamedRegistry {
 public:
  NamedRegistry(std::string kind, std::string listing)
      : kind_(std::move(kind)), listing_(std::move(listing)) {}

  /// Adds an entry. Names are unique; adding one twice is a programming error and throws.
  void add(const std::string& name, Entry entry) {
    INSEQ_CHECK(entries_.emplace(name, std::move(entry)).second, InvalidArgument, kind_, " \"",
                name, "\" is registered twice");
  }

  bool contains(std::string_view name) const { return entries_.find(name) != entries_.end(); }

  /// The entry of that name. Throws Unknown offering the nearest name.
  const Entry& at(std::string_view name) const {
    const auto found = entries_.find(name);
    INSEQ_CHECK(found != entries_.end(), Unknown, "unknown ", kind_, " \"", name, "\"",
                did_you_mean(name, names()), " (", listing_, " lists all)");
    return found->second;
  }

  /// All names in alphabetical order.
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, entry] : entries_) out.push_back(name);
    return out;
  }

 private:
  std::string kind_, listing_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace inseq
