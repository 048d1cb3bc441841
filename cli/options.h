#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace inseq::cli {

using Json = nlohmann::ordered_json;

/// What an option takes.
enum class Kind {
  kText,
  kNumber,   ///< a whole number
  kFlag,     ///< nothing, or true / false
  kTexts,    ///< one or more texts
  kNumbers,  ///< one or more whole numbers
  kJson,     ///< an object in JSON
};

/// One row of the table of options.
struct Option {
  std::string name;                  ///< without dashes, words joined by underscores
  std::vector<std::string> aliases;  ///< with dashes, as Inseq spells them
  Kind kind;
  std::string fallback;  ///< shown in the help; "" for none
  std::string help;
  std::string example = "";  ///< a value, for messages about options that take JSON
};

/// The options of `inseq attribute`: all of Inseq 0.7.1's, then ours.
const std::vector<Option>& attribute_options();

/// Values by option name; only of the options that were given.
class Values {
 public:
  bool has(const std::string& name) const { return values_.contains(name); }
  /// Like has(), but not for a flag that was given as false.
  bool given(const std::string& name) const { return has(name) && values_.at(name) != false; }
  std::string text(const std::string& name, const std::string& fallback = "") const;
  int64_t number(const std::string& name, int64_t fallback) const;
  bool flag(const std::string& name) const;
  std::vector<std::string> texts(const std::string& name) const;
  std::vector<int64_t> numbers(const std::string& name) const;
  Json json(const std::string& name) const;

 private:
  friend Values parse(const std::vector<Option>& options,
                      const std::vector<std::string>& arguments);
  std::map<std::string, Json> values_;
};

/// The command was used wrongly; the program exits with 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads arguments: `--a_b` and `--a-b` alike, `--name value` and `--name=value`, unambiguous
/// beginnings of names as Python's argparse takes them. Throws UsageError.
Values parse(const std::vector<Option>& options, const std::vector<std::string>& arguments);

/// The table as a help text, wrapped to `width` columns.
std::string help_of(const std::vector<Option>& options, int width);

}  // namespace inseq::cli
