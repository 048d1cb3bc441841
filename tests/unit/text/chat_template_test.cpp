#include <ctime>

#include "inseq/error.h"
#include "text/chat_template.h"
#include "text_data.h"

namespace inseq::text {
namespace {

const Json kMessages = {{{"role", "user"}, {"content", "Hi"}}};

std::string render(const Json& setting, const Json& extra = Json::object()) {
  return ChatTemplates(setting).render(kMessages, false,
                                       {{"bos_token", "<s>"}, {"eos_token", "</s>"}}, extra);
}

std::string message_of(const Json& setting, const Json& messages = kMessages) {
  try {
    ChatTemplates(setting).render(messages, false, Json::object(), Json::object());
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing thrown";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(ChatTemplate, AgreesWithTransformers) {
  const Json data = load_data("chat.json");
  for (const auto& [name, expected] : data.items()) {
    SCOPED_TRACE(name);
    const Json variables = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}};
    EXPECT_EQ(ChatTemplates(expected["template"])
                  .render(expected["messages"], expected["prompt"], variables, expected["extra"]),
              expected["rendered"]);
  }
}

TEST(ChatTemplate, ComesFromAFileOfItsOwn) {
  const TemporaryFolder folder;
  write_case(folder, load_data("cases.json")["llama 3"], load_data("bases.json"));
  EXPECT_EQ(load_tokenizer(folder.path())->apply_chat_template(kMessages, false), "<s>[user]Hi");
  folder.write("chat_template.jinja", "{{ eos_token }}\n");
  EXPECT_EQ(load_tokenizer(folder.path())->apply_chat_template(kMessages, false), "<|im_end|>");
}

TEST(ChatTemplate, ChoosesAmongNamedTemplates) {
  const Json list = {{{"name", "default"}, {"template", "A"}},
                     {{"name", "tool_use"}, {"template", "B"}},
                     {{"name", "rag"}, {"template", "C"}}};
  EXPECT_EQ(render(list), "A");
  EXPECT_EQ(render(list, {{"tools", Json::array()}}), "B");
  EXPECT_EQ(render(list, {{"chat_template", "rag"}}), "C");
  EXPECT_EQ(render(list, {{"chat_template", "{{ messages[0].role }}"}}), "user");
  EXPECT_TRUE(contains(message_of({{{"name", "x"}, {"template", "A"}}}),
                       "choose one with chat_template: x"));
}

TEST(ChatTemplate, WritesTheLocalTime) {
  // The hour may change between the two; one of them is right.
  const auto now = [] {
    char text[64];
    const std::time_t seconds = std::time(nullptr);
    std::strftime(text, sizeof text, "%d %b %Y %H %j %%", std::localtime(&seconds));
    return std::string(text);
  };
  const std::string before = now();
  const std::string rendered = render("{{ strftime_now('%d %b %Y %H %j %%') }}");
  EXPECT_TRUE(rendered == before || rendered == now()) << rendered;
  EXPECT_EQ(render("{{ strftime_now('') }}|{{ strftime_now('%f') | length }}"), "|6");
}

TEST(ChatTemplate, ExplainsFailures) {
  EXPECT_TRUE(contains(message_of("{{ raise_exception('Roles must alternate') }}"),
                       "Roles must alternate"));
  EXPECT_TRUE(contains(message_of("{% if %}"), "syntax error"));
  EXPECT_TRUE(contains(message_of("{{ messages.nothing.more }}"), "undefined"));
  EXPECT_TRUE(contains(message_of(nullptr), "no chat template"));
  EXPECT_TRUE(contains(message_of("x", Json::array()), "an empty list"));
  EXPECT_TRUE(contains(message_of("x", {1}), "message 0 is number"));
  EXPECT_TRUE(contains(message_of("x", {{{"role", "\xff"}}}), "UTF-8"));
  EXPECT_THROW(render(nullptr), Unsupported);
}

TEST(ChatTemplate, StopsEndlessTemplates) {
  EXPECT_NE(message_of(
                "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"),
            "nothing thrown");
  EXPECT_NE(message_of("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), "nothing thrown");
}

}  // namespace
}  // namespace inseq::text
