#include "text/folder_settings.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "inseq/error.h"
#include "text/json_file.h"
#include "text/tokenizer_builder.h"

namespace inseq::text {
namespace {

/// Template files win over what tokenizer_config.json says.
void read_chat_templates(const std::string& folder, Json& settings) {
  Json templates = Json::object();
  if (has_file(folder, "chat_template.jinja"))
    templates["default"] = read_file(folder, "chat_template.jinja");
  std::error_code none;
  std::set<std::string> more;  // sorted, so the outcome does not depend on the file system
  const auto listing = std::filesystem::directory_iterator(
      std::filesystem::path(folder) / "additional_chat_templates", none);
  for (auto entry = begin(listing); !none && entry != end(listing); entry.increment(none)) {
    if (entry->path().extension() == ".jinja") more.insert(entry->path().filename().string());
  }
  for (const std::string& name : more) {
    const std::string file = "additional_chat_templates/" + name;
    templates[name.substr(0, name.size() - std::string_view(".jinja").size())] =
        read_file(folder, file.c_str());
  }
  if (!templates.empty()) settings["chat_template"] = templates;
}

/// Names of the model's own that end in "_token", and extra tokens given by name.
void collect_model_specific(Json& settings) {
  if (settings.contains("additional_special_tokens") && !is_set(settings, "extra_special_tokens")) {
    settings["extra_special_tokens"] = settings["additional_special_tokens"];
    settings.erase("additional_special_tokens");
  }
  Json specific = Json::object();
  for (const auto& [name, value] : settings.items()) {
    if (name.ends_with("_token") && !is_special_name(name) && value.is_string())
      specific[name] = value;
  }
  for (const auto& [name, value] : specific.items()) settings.erase(name);
  if (settings.contains("extra_special_tokens") && settings["extra_special_tokens"].is_object()) {
    specific.update(settings["extra_special_tokens"]);
    settings.erase("extra_special_tokens");
  }
  if (!specific.empty()) settings["model_specific_special_tokens"] = specific;
}

/// Merges special_tokens_map.json, a file of older versions, into the settings.
void merge_special_tokens_map(const std::string& folder, const Json& overrides, Json& settings) {
  const Json map = read_object(folder, "special_tokens_map.json");
  for (const auto& [name, value] : map.items()) {
    if (is_set(overrides, name.c_str())) continue;
    if (name == "extra_special_tokens" && value.is_array()) {
      Json merged = is_set(settings, "extra_special_tokens") ? settings["extra_special_tokens"]
                                                             : Json::array();
      for (const Json& token : value) {
        if (std::find(merged.begin(), merged.end(), token) == merged.end()) merged.push_back(token);
      }
      settings[name] = merged;
      continue;
    }
    std::optional<AddedToken> token = value.is_object() ? parse_added_token(value) : std::nullopt;
    if (token) token->special = true;
    settings[name] = token ? to_setting(*token) : value;
  }
  if (settings.contains("extra_special_tokens") && settings["extra_special_tokens"].is_object()) {
    Json& specific = settings["model_specific_special_tokens"];
    if (!specific.is_object()) specific = Json::object();
    specific.update(Json(settings["extra_special_tokens"]));
    settings.erase("extra_special_tokens");
  }
}

/// added_tokens.json, a file of older versions: token to id.
void read_added_tokens_file(const std::string& folder, FolderSettings& out) {
  std::set<std::string> special;
  const auto note = [&special](const Json& value) {
    if (const auto token = parse_added_token(value)) special.insert(token->content);
  };
  for (const char* name : kSpecialNames) note(out.settings.value(name, Json()));
  const Json extra = out.settings.value("extra_special_tokens", Json());
  for (const Json& token : extra.is_array() ? extra : Json::array()) note(token);
  const Json file = read_object(folder, "added_tokens.json");
  for (const auto& [content, id] : file.items()) {
    INSEQ_CHECK(id.is_number_integer(), FormatError, folder, "/added_tokens.json: \"", content,
                "\" has no whole number as its id");
    const bool is_special = special.contains(content);
    out.added[id.get<int64_t>()] = {
        .content = content, .normalized = !is_special, .special = is_special};
  }
}

/// added_tokens_decoder of tokenizer_config.json: id to token.
std::map<int64_t, AddedToken> parse_decoder(const Json& decoder, const std::string& folder) {
  std::map<int64_t, AddedToken> added;
  for (const auto& [key, value] : decoder.items()) {
    int64_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    const auto token = parse_added_token(value);
    INSEQ_CHECK(error == std::errc() && end == key.data() + key.size() && token, FormatError,
                folder, "/tokenizer_config.json: added_tokens_decoder has the entry \"", key,
                "\", needed an id and a token with \"content\"");
    added[id] = *token;
  }
  return added;
}

}  // namespace

FolderSettings gather_settings(const std::string& folder, Json config, const Json& overrides,
                               const Json& file) {
  FolderSettings out;
  out.settings = std::move(config);
  if (!file.is_null()) {
    // The template in tokenizer.json knows better than old settings; those of the caller still
    // count.
    out.settings.erase("add_bos_token");
    out.settings.erase("add_eos_token");
  }
  read_chat_templates(folder, out.settings);
  out.settings.update(overrides);
  collect_model_specific(out.settings);
  const auto decoder = out.settings.find("added_tokens_decoder");
  if (decoder != out.settings.end() && decoder->is_object()) {
    out.added = parse_decoder(*decoder, folder);
  } else {
    merge_special_tokens_map(folder, overrides, out.settings);
    read_added_tokens_file(folder, out);
    for (const Json& entry : file.is_null() ? Json::array() : file["added_tokens"]) {
      out.added[entry["id"].get<int64_t>()] = *parse_added_token(entry);
    }
  }
  out.settings.erase("added_tokens_decoder");
  // A special token that is also an added token matches text as the latter says.
  for (const char* name : kSpecialNames) {
    const auto token = parse_added_token(out.settings.value(name, Json()));
    if (!token) continue;
    for (const auto& [id, added] : out.added) {
      if (added.content == token->content) out.settings[name] = to_setting(added);
    }
  }
  return out;
}

}  // namespace inseq::text
