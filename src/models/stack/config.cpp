#include "models/stack/config.h"

#include "inseq/error.h"

namespace inseq::models {
namespace {
constexpr double kLargest = 2147483648.0;  // 2^31: of sizes and ids

bool is_whole(const Json& value, double least) {
  return value.is_number_integer() && value.get<double>() >= least &&
         value.get<double>() <= kLargest;
}
}  // namespace

const Json* Config::find(const std::vector<std::string>& keys) const {
  for (const std::string& key : keys) {
    if (has(key)) return &json_.at(key);
  }
  return nullptr;
}

int64_t Config::size(const std::vector<std::string>& keys, std::optional<int64_t> fallback) const {
  const Json* value = find(keys);
  if (value == nullptr) {
    INSEQ_CHECK(fallback.has_value(), FormatError, path_, ": \"", keys.front(), "\" is missing");
    return *fallback;
  }
  INSEQ_CHECK(is_whole(*value, 1), FormatError, path_, ": \"", keys.front(), "\" is ",
              value->dump(), ", needed is a whole number from 1 to 2^31");
  return value->get<int64_t>();
}

double Config::number(const std::string& key, std::optional<double> fallback) const {
  const Json* value = find({key});
  if (value == nullptr) {
    INSEQ_CHECK(fallback.has_value(), FormatError, path_, ": \"", key, "\" is missing");
    return *fallback;
  }
  INSEQ_CHECK(value->is_number(), FormatError, path_, ": \"", key, "\" is ", value->dump(),
              ", needed is a number");
  return value->get<double>();
}

bool Config::flag(const std::string& key, bool fallback) const {
  const Json* value = find({key});
  if (value == nullptr) return fallback;
  INSEQ_CHECK(value->is_boolean(), FormatError, path_, ": \"", key, "\" is ", value->dump(),
              ", needed is true or false");
  return value->get<bool>();
}

std::string Config::text(const std::string& key, const std::string& fallback) const {
  const Json* value = find({key});
  if (value == nullptr) return fallback;
  INSEQ_CHECK(value->is_string(), FormatError, path_, ": \"", key, "\" is ", value->dump(),
              ", needed is a text");
  return value->get<std::string>();
}

std::vector<int64_t> Config::ids(const std::string& key) const {
  const Json* value = find({key});
  if (value == nullptr) return {};
  const auto id = [&](const Json& item) {
    INSEQ_CHECK(is_whole(item, -kLargest), FormatError, path_, ": \"", key, "\" is ", value->dump(),
                ", needed is a token id or a list of them");
    return item.get<int64_t>();
  };
  if (!value->is_array()) return {id(*value)};
  std::vector<int64_t> out;
  for (const Json& item : *value) out.push_back(id(item));
  return out;
}

Config Config::object(const std::string& key) const {
  const Json* value = find({key});
  if (value == nullptr) return Config(Json::object(), path_);
  INSEQ_CHECK(value->is_object(), FormatError, path_, ": \"", key, "\" is ", value->dump(),
              ", needed is an object");
  return Config(*value, path_ + ": " + key);
}

}  // namespace inseq::models
