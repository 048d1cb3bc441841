#include "options.h"

#include <algorithm>
#include <cctype>
#include <sstream>

#include "base/text_distance.h"
#include "inseq/error.h"
#include "text/json_file.h"

namespace inseq::cli {
namespace {

/// What stands where a value or an option may: "-5", "- item" and "-0.5 V" are values.
bool looks_like_option(const std::string& word) {
  if (word.size() < 2 || word[0] != '-' || std::isdigit(static_cast<unsigned char>(word[1])) ||
      word[1] == '.')
    return false;
  const std::string name = word.substr(0, word.find('='));
  return name.find_first_of(" \t\n") == std::string::npos;
}

bool is_number(const std::string& text) {
  return !text.empty() &&
         text.find_first_not_of("0123456789", text[0] == '-' ? 1 : 0) == std::string::npos &&
         text != "-";
}

bool takes_several(Kind kind) { return kind == Kind::kTexts || kind == Kind::kNumbers; }

/// "; did you mean ...?" for a misspelt option, or the misspelt beginning of one.
std::string near_option(const std::vector<Option>& options, const std::string& given) {
  std::vector<std::string> all;
  for (const Option& option : options) all.push_back("--" + option.name);
  std::string whole = did_you_mean(given, all);
  if (!whole.empty() || given.size() < 6) return whole;
  for (const std::string& full : all) {
    if (edit_distance(given, full.substr(0, given.size())) <= 2) return did_you_mean(full, {full});
  }
  return "";
}

/// The option that a word such as "--model" or "-bs" names; "--model-name" and "--model_name" mean
/// the same.
const Option& option_named(const std::vector<Option>& options, const std::string& typed) {
  std::string given = typed;
  if (given.starts_with("--")) std::replace(given.begin() + 2, given.end(), '-', '_');
  std::vector<const Option*> beginning;
  for (const Option& option : options) {
    const std::string full = "--" + option.name;
    const bool alias =
        std::find(option.aliases.begin(), option.aliases.end(), given) != option.aliases.end();
    if (given == full || alias) return option;
    if (given.size() > 2 && full.starts_with(given)) beginning.push_back(&option);
  }
  if (beginning.size() == 1) return *beginning[0];
  if (beginning.size() > 1) {
    std::vector<std::string> names;
    for (const Option* option : beginning) names.push_back("--" + option->name);
    throw UsageError(concat("option ", typed, " could be ", join_choices(names), "; write it out"));
  }
  throw UsageError(concat("unknown option ", typed, near_option(options, given),
                          " (inseq attribute --help lists all)"));
}

Json parsed_object(const Option& option, const std::string& given) {
  try {
    return text::parse_object(given, "--" + option.name);
  } catch (const FormatError& error) {
    throw UsageError(
        concat(error.what(), "; needed is a JSON object such as '", option.example, "'"));
  }
}

int64_t parsed_number(const Option& option, const std::string& text) {
  if (!is_number(text) || text.size() > 18) {
    throw UsageError(concat("--", option.name, " needs a whole number, got \"", text, "\""));
  }
  return std::stoll(text);
}

bool parsed_flag(const Option& option, std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  for (const char* yes : {"", "yes", "true", "t", "y", "1"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"no", "false", "f", "n", "0"}) {
    if (text == no) return false;
  }
  throw UsageError(concat("--", option.name, " takes true or false, got \"", text, "\""));
}

Json value_of(const Option& option, const std::vector<std::string>& given) {
  std::string last = given.empty() ? "" : given.back();
  switch (option.kind) {
    case Kind::kText:
      return last;
    case Kind::kNumber:
      return parsed_number(option, last);
    case Kind::kFlag:
      return parsed_flag(option, last);
    case Kind::kTexts:
      return given;
    case Kind::kJson:
      return parsed_object(option, last);
    case Kind::kNumbers:
      break;
  }
  Json numbers = Json::array();
  for (const std::string& text : given) numbers.push_back(parsed_number(option, text));
  return numbers;
}

/// The words of each option that was given.
using Words = std::map<std::string, std::vector<std::string>>;

void add_value(const Option* option, const std::string& word, Words& given) {
  const bool wanted =
      option != nullptr && (takes_several(option->kind) || given[option->name].empty());
  if (!wanted) {
    throw UsageError(concat("unexpected argument \"", word,
                            "\"; texts to explain follow --input_texts (-i), and a text with "
                            "spaces needs quotes"));
  }
  given[option->name].push_back(word);
}

Words words_by_option(const std::vector<Option>& options,
                      const std::vector<std::string>& arguments) {
  Words given;
  const Option* current = nullptr;  // the words that follow belong to it
  bool only_values = false;         // after "--"
  for (const std::string& word : arguments) {
    if (word == "--" && !only_values) {
      only_values = true;
    } else if (only_values || !looks_like_option(word)) {
      add_value(current, word, given);
    } else {
      const size_t equals = word.find('=');
      current = &option_named(options, word.substr(0, equals));
      std::vector<std::string>& values = given[current->name];
      if (!takes_several(current->kind)) values.clear();  // the last one counts
      if (equals != std::string::npos) values.push_back(word.substr(equals + 1));
    }
  }
  return given;
}

}  // namespace

Values parse(const std::vector<Option>& options, const std::vector<std::string>& arguments) {
  const Words given = words_by_option(options, arguments);
  Values values;
  for (const Option& option : options) {
    const auto found = given.find(option.name);
    if (found == given.end()) continue;
    if (found->second.empty() && option.kind != Kind::kFlag)
      throw UsageError(concat("--", option.name, " needs a value"));
    values.values_[option.name] = value_of(option, found->second);
  }
  return values;
}

std::string Values::text(const std::string& name, const std::string& fallback) const {
  return has(name) ? values_.at(name).get<std::string>() : fallback;
}
int64_t Values::number(const std::string& name, int64_t fallback) const {
  return has(name) ? values_.at(name).get<int64_t>() : fallback;
}
bool Values::flag(const std::string& name) const {
  return has(name) && values_.at(name).get<bool>();
}
std::vector<std::string> Values::texts(const std::string& name) const {
  return has(name) ? values_.at(name).get<std::vector<std::string>>() : std::vector<std::string>();
}
std::vector<int64_t> Values::numbers(const std::string& name) const {
  return has(name) ? values_.at(name).get<std::vector<int64_t>>() : std::vector<int64_t>();
}
Json Values::json(const std::string& name) const {
  return has(name) ? values_.at(name) : Json::object();
}

namespace {

const char* placeholder(Kind kind) {
  switch (kind) {
    case Kind::kText:
      return " TEXT";
    case Kind::kNumber:
      return " N";
    case Kind::kFlag:
      return "";
    case Kind::kTexts:
      return " TEXT...";
    case Kind::kNumbers:
      return " N...";
    case Kind::kJson:
      return " JSON";
  }
  return "";
}

/// Words of `text` in lines of at most `width` columns, each after `indent` spaces.
std::string wrapped(const std::string& text, size_t indent, size_t width) {
  std::istringstream words(text);
  std::string out, line;
  for (std::string word; words >> word;) {
    if (!line.empty() && indent + line.size() + 1 + word.size() > width) {
      out += std::string(indent, ' ') + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return out + std::string(indent, ' ') + line + "\n";
}

}  // namespace

std::string help_of(const std::vector<Option>& options, int width) {
  std::string out;
  for (const Option& option : options) {
    out += "  --" + option.name;
    for (const std::string& alias : option.aliases) out += ", " + alias;
    out += placeholder(option.kind);
    out += "\n";
    const bool tell = !option.fallback.empty() && option.kind != Kind::kFlag;
    out += wrapped(option.help + (tell ? " Default: " + option.fallback + "." : ""), 6,
                   static_cast<size_t>(width));
  }
  return out;
}

}  // namespace inseq::cli
