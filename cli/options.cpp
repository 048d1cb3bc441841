#include "options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/text_distance.h"
#include "inseq/error.h"

namespace inseq::cli {
namespace {

/// "--model-name" and "--model_name" mean the same; what follows "=" is left alone.
std::string with_underscores(std::string argument) {
  const size_t end = std::min(argument.find('='), argument.size());
  std::replace(argument.begin() + 2, argument.begin() + static_cast<std::ptrdiff_t>(end), '-', '_');
  return argument;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789", text[0] == '-' ? 1 : 0) == std::string::npos && text != "-";
}

/// The option that an argument such as "--model" or "-bs" names.
const Option& option_named(const std::vector<Option>& options, const std::string& given) {
  std::vector<std::string> all;
  std::vector<const Option*> beginning;
  for (const Option& option : options) {
    const std::string full = "--" + option.name;
    const bool alias = std::find(option.aliases.begin(), option.aliases.end(), given) != option.aliases.end();
    if (given == full || alias) return option;
    if (given.size() > 2 && full.starts_with(given)) beginning.push_back(&option);
    all.push_back(full);
  }
  if (beginning.size() == 1) return *beginning[0];
  if (beginning.size() > 1) {
    std::vector<std::string> names;
    for (const Option* option : beginning) names.push_back("--" + option->name);
    throw UsageError(concat("option ", given, " could be ", join_choices(names), "; write it out"));
  }
  throw UsageError(concat("unknown option ", given, did_you_mean(given, all), " (inseq attribute --help lists all)"));
}

/// Arguments in the form that CLI11 understands: long names only, values behind "=" apart.
std::vector<std::string> canonical(const std::vector<Option>& options, const std::vector<std::string>& arguments) {
  std::vector<std::string> out;
  for (const std::string& argument : arguments) {
    const bool is_option = argument.size() > 1 && argument[0] == '-' && !is_number(argument);
    if (!is_option) {
      out.push_back(argument);
      continue;
    }
    const std::string name = argument.starts_with("--") ? with_underscores(argument) : argument;
    const size_t equals = name.find('=');
    out.push_back("--" + option_named(options, name.substr(0, equals)).name);
    if (equals != std::string::npos) out.push_back(name.substr(equals + 1));
  }
  return out;
}

Json parsed_object(const Option& option, const std::string& text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    throw UsageError(concat("--", option.name, " needs a JSON object such as ", "'{\"max_new_tokens\": 20}', got ", text));
  }
  return json;
}

int64_t parsed_number(const Option& option, const std::string& text) {
  if (!is_number(text) || text.size() > 18) {
    throw UsageError(concat("--", option.name, " needs a whole number, got \"", text, "\""));
  }
  return std::stoll(text);
}

bool parsed_flag(const Option& option, std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const char* yes : {"", "yes", "true", "t", "y", "1"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"no", "false", "f", "n", "0"}) {
    if (text == no) return false;
  }
  throw UsageError(concat("--", option.name, " takes true or false, got \"", text, "\""));
}

Json value_of(const Option& option, const std::vector<std::string>& given) {
  const std::string last = given.empty() ? "" : given.back();
  switch (option.kind) {
    case Kind::kText: return last;
    case Kind::kNumber: return parsed_number(option, last);
    case Kind::kFlag: return parsed_flag(option, last);
    case Kind::kTexts: return given;
    case Kind::kJson: return parsed_object(option, last);
    case Kind::kNumbers: break;
  }
  Json numbers = Json::array();
  for (const std::string& text : given) numbers.push_back(parsed_number(option, text));
  return numbers;
}

/// How many values an option of this kind takes.
void set_arity(CLI::Option* option, Kind kind) {
  if (kind == Kind::kFlag) {
    option->expected(0, 1);
  } else if (kind == Kind::kTexts || kind == Kind::kNumbers) {
    option->expected(1, -1);
  } else {
    option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
}

}  // namespace

Values parse(const std::vector<Option>& options, const std::vector<std::string>& arguments) {
  CLI::App app;
  app.set_help_flag();
  std::map<std::string, std::vector<std::string>> given;
  std::map<std::string, CLI::Option*> registered;
  for (const Option& option : options) {
    registered[option.name] = app.add_option("--" + option.name, given[option.name]);
    set_arity(registered[option.name], option.kind);
  }
  std::vector<std::string> reversed = canonical(options, arguments);
  std::reverse(reversed.begin(), reversed.end());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  Values values;
  for (const Option& option : options) {
    if (registered[option.name]->count() == 0) continue;
    values.values_[option.name] = value_of(option, given[option.name]);
  }
  return values;
}

std::string Values::text(const std::string& name, const std::string& fallback) const {
  return has(name) ? values_.at(name).get<std::string>() : fallback;
}
int64_t Values::number(const std::string& name, int64_t fallback) const {
  return has(name) ? values_.at(name).get<int64_t>() : fallback;
}
bool Values::flag(const std::string& name) const { return has(name) && values_.at(name).get<bool>(); }
std::vector<std::string> Values::texts(const std::string& name) const {
  return has(name) ? values_.at(name).get<std::vector<std::string>>() : std::vector<std::string>();
}
std::vector<int64_t> Values::numbers(const std::string& name) const {
  return has(name) ? values_.at(name).get<std::vector<int64_t>>() : std::vector<int64_t>();
}
Json Values::json(const std::string& name) const { return has(name) ? values_.at(name) : Json::object(); }

namespace {

const char* placeholder(Kind kind) {
  switch (kind) {
    case Kind::kText: return " TEXT";
    case Kind::kNumber: return " N";
    case Kind::kFlag: return "";
    case Kind::kTexts: return " TEXT...";
    case Kind::kNumbers: return " N...";
    case Kind::kJson: return " JSON";
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
    out += wrapped(option.help + (tell ? " Default: " + option.fallback + "." : ""), 6, static_cast<size_t>(width));
  }
  return out;
}

}  // namespace inseq::cli
