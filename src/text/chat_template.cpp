#include "text/chat_template.h"

#include "inseq/error.h"
#include "text/backend.h"

namespace inseq::text {
namespace {

/// Drops what is null, and gives the reasoning of a message the names that templates read it by.
Json prepare(const Json& message) {
  Json out = Json::object();
  for (const auto& [name, value] : message.items()) {
    if (!value.is_null()) out[name] = value;
  }
  for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
    if (!out.contains(name)) continue;
    const Json reasoning = out[name];
    if (!out.contains("thinking")) out["thinking"] = reasoning;
    out["reasoning_content"] = reasoning;
    break;
  }
  return out;
}

}  // namespace

ChatTemplates::ChatTemplates(const Json& setting) {
  if (setting.is_string()) {
    by_name_["default"] = setting.get<std::string>();
  } else if (setting.is_object()) {
    for (const auto& [name, text] : setting.items()) {
      if (text.is_string()) by_name_[name] = text.get<std::string>();
    }
  } else if (setting.is_array()) {
    for (const Json& entry : setting) {
      if (!entry.is_object() || !entry.contains("name") || !entry.contains("template")) continue;
      if (entry["name"].is_string() && entry["template"].is_string()) {
        by_name_[entry["name"].get<std::string>()] = entry["template"].get<std::string>();
      }
    }
  }
}

const std::string& ChatTemplates::choose(const Json& extra) const {
  std::string names;
  for (const auto& [name, text] : by_name_) names += (names.empty() ? "" : ", ") + name;
  const auto asked = extra.find("chat_template");
  if (asked != extra.end() && asked->is_string()) {
    const auto found = by_name_.find(asked->get<std::string>());
    return found != by_name_.end() ? found->second : asked->get_ref<const std::string&>();
  }
  INSEQ_CHECK(!by_name_.empty(), Unsupported,
              "this model has no chat template, so messages cannot be turned into its prompt; "
              "write the whole "
              "prompt as one text instead");
  const auto tools = extra.find("tools");
  const auto tool_use = by_name_.find("tool_use");
  if (tools != extra.end() && !tools->is_null() && tool_use != by_name_.end())
    return tool_use->second;
  const auto found = by_name_.find("default");
  INSEQ_CHECK(found != by_name_.end(), InvalidArgument,
              "this model has several chat templates and none is the ",
              "default; choose one with chat_template: ", names);
  return found->second;
}

std::string ChatTemplates::render(const Json& messages, bool add_generation_prompt,
                                  const Json& variables, const Json& extra) const {
  const std::string& chosen = choose(extra);
  INSEQ_CHECK(messages.is_array() && !messages.empty(), InvalidArgument, "chat messages: found ",
              messages.is_array() ? "an empty list" : messages.type_name(),
              ", needed a list with at least one {\"role\": …, \"content\": …}");
  Json prepared = Json::array();
  for (const Json& message : messages) {
    INSEQ_CHECK(message.is_object(), InvalidArgument, "chat messages: message ", prepared.size(),
                " is ", message.type_name(),
                ", it must be an object such as {\"role\": \"user\", \"content\": \"Hello\"}");
    prepared.push_back(prepare(message));
  }
  Json context = variables;
  context["tools"] = nullptr;
  context["documents"] = nullptr;
  for (const auto& [name, value] : extra.items()) {
    if (name != "chat_template") context[name] = value;
  }
  context["messages"] = std::move(prepared);
  context["add_generation_prompt"] = add_generation_prompt;
  return render_template(chosen, context);
}

}  // namespace inseq::text
