#pragma once
#include <functional>
#include <string>
#include <vector>

#include "generation/generation.h"

namespace inseq::generation {

/// One option that decoding knows: its name in JSON, how it is read and what it may be.
struct OptionRule {
  std::string name;
  std::string needs;  ///< "a number greater than 0", for messages
  std::function<bool(const Json& value, Options& options)> read;  ///< false: the type is wrong
  std::function<bool(const Options& options)> valid;              ///< whether the field is in range
  std::function<Json(const Options& options)> show;               ///< the field, for messages
};

/// All of them, in the order of Options.
const std::vector<OptionRule>& option_rules();

/// An option of transformers that decoding does not know.
struct ForeignOption {
  std::string name;
  Json neutral;     ///< with this value, null or an empty list it changes nothing
  std::string why;  ///< what is missing here, for messages
};
const std::vector<ForeignOption>& foreign_options();

/// Options of transformers that cannot change which tokens are generated here: they are about its
/// caches, outputs and book-keeping, or about assistants, which are refused by other options.
const std::vector<std::string>& ignored_options();

}  // namespace inseq::generation
