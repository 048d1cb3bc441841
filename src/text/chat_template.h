#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "text/added_token.h"

namespace inseq::text {

/// The chat templates of a model by name; a single one is called "default".
class ChatTemplates {
 public:
  ChatTemplates() = default;
  /// chat_template of tokenizer_config.json: null, a string, a list of {"name", "template"}, or an
  /// object.
  explicit ChatTemplates(const Json& setting);

  /// `variables` are special tokens and whatever else the template may ask for. As
  /// apply_chat_template: "chat_template" in `extra` names or is a template, "tools" selects the
  /// one called tool_use.
  std::string render(const Json& messages, bool add_generation_prompt, const Json& variables,
                     const Json& extra) const;

 private:
  const std::string& choose(const Json& extra) const;
  std::map<std::string, std::string> by_name_;
};

}  // namespace inseq::text
