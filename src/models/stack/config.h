#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace inseq::models {

using Json = nlohmann::ordered_json;

/// A model's config.json with checked access. A message names the file, the key, what was found and
/// what was needed.
class Config {
 public:
  Config() = default;
  Config(Json json, std::string path) : json_(std::move(json)), path_(std::move(path)) {}

  bool has(const std::string& key) const { return json_.contains(key) && !json_.at(key).is_null(); }
  /// A whole number in [1, limit]; several names are tried in order (GPT-2 says n_embd for
  /// hidden_size).
  int64_t size(const std::vector<std::string>& keys, std::optional<int64_t> fallback = {}) const;
  double number(const std::string& key, std::optional<double> fallback = {}) const;
  bool flag(const std::string& key, bool fallback) const;
  std::string text(const std::string& key, const std::string& fallback) const;
  /// A token id, or the ids of a list; -1 or empty when absent.
  std::vector<int64_t> ids(const std::string& key) const;
  /// A nested object; empty when absent.
  Config object(const std::string& key) const;

  const Json& json() const { return json_; }
  const std::string& path() const { return path_; }

 private:
  const Json* find(const std::vector<std::string>& keys) const;
  Json json_ = Json::object();
  std::string path_;
};

}  // namespace inseq::models
