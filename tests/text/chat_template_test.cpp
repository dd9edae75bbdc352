// SPDX-License-Identifier: Apache-2.0
/// Conversations through the public interface, and where templates are found.
#include <thread>

#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"
#include "text/tokenizer_loader.h"
#include "transom/error.h"
#include "transom/tokenizer.h"

namespace transom {
namespace {

using testing::contains;
using testing::error_of;
using testing::TemporaryDirectory;

const std::string kTokenizer =
    R"({"model": {"type": "BPE", "vocab": {"a": 0, "<s>": 1, "</s>": 2}, "merges": []}})";
const std::string kPlain =
    "{% for m in messages %}[{{ m.role }}:{{ m.content }}]{% endfor %}"
    "{% if add_generation_prompt %}>{% endif %}";

Tokenizer load(const TemporaryDirectory& directory) {
  return Tokenizer(text::load_tokenizer(directory.path()));
}

/// A tokenizer whose tokenizer_config.json has these members.
Tokenizer with_config(const std::string& members) {
  const TemporaryDirectory directory;
  directory.write("tokenizer.json", kTokenizer);
  directory.write("tokenizer_config.json", "{" + members + "}");
  return load(directory);
}

Tokenizer plain() { return with_config(R"("chat_template": ")" + kPlain + "\""); }

TEST_CASE("messages as braces, as a vector and as JSON", "[chat_template]") {
  const Tokenizer tokenizer = plain();
  CHECK(tokenizer.has_chat_template());
  CHECK(tokenizer.chat_template_names() == std::vector<std::string>{"default"});
  CHECK(tokenizer.apply_chat_template({{{"user", "hi"}}}) == "[user:hi]");
  CHECK(tokenizer.apply_chat_template({{{"user", "hi"}, {"assistant", "yes"}}},
                                      {.add_generation_prompt = true}) == "[user:hi][assistant:yes]>");
  const std::vector<ChatMessage> messages{{"system", "s"}, {"user", "u"}};
  CHECK(tokenizer.apply_chat_template(messages) == "[system:s][user:u]");
  CHECK(tokenizer.apply_chat_template_json(R"([{"role": "user", "content": "hi"}])") == "[user:hi]");
}

TEST_CASE("fields of a message", "[chat_template]") {
  const Tokenizer tokenizer = plain();
  const ChatTemplateOptions options{.chat_template = "{% for m in messages %}{{ m | tojson }}{% endfor %}"};
  const ChatMessage call{"assistant", "ignored",
                         R"({"content": null, "tool_calls": [{"id": 1.0}], "name": null})"};
  CHECK(tokenizer.apply_chat_template({{call}}, options) ==
        R"({"role": "assistant", "tool_calls": [{"id": 1.0}]})");
  const ChatMessage thought{"assistant", "a", R"({"reasoning_content": "r", "role": "model"})"};
  CHECK(tokenizer.apply_chat_template({{thought}}, options) ==
        R"({"thinking": "r", "role": "model", "content": "a", "reasoning_content": "r"})");
  const std::vector<ChatMessage> broken{{"user", "a"}, {"user", "b", "[1]"}};
  CHECK(contains(error_of<InvalidArgument>([&] { tokenizer.apply_chat_template(broken); }),
                 "messages[1].fields_json"));
}

TEST_CASE("variables, tools and special tokens", "[chat_template]") {
  const Tokenizer tokenizer = with_config(
      R"("bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": null,
         "extra_special_tokens": {"image_token": "<img>"}, "chat_template":
         "{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}{{ image_token }}{{ think }}{{ tools }}{{ documents }}")");
  const std::vector<ChatMessage> messages{{"user", "u"}};
  CHECK(tokenizer.apply_chat_template(messages) == "<s></s>False<img>NoneNone");
  CHECK(tokenizer.apply_chat_template(messages, {.tools_json = R"([{"b": 1, "a": 2.0}])",
                                                 .documents_json = "[]",
                                                 .variables = {{"think", false}, {"bos_token", "B"}}}) ==
        "B</s>False<img>False[{'b': 1, 'a': 2.0}][]");
  CHECK(tokenizer.apply_chat_template(messages, {.variables_json = R"({"think": {"z": 1, "a": null}})"}) ==
        "<s></s>False<img>{'z': 1, 'a': None}NoneNone");
  const auto refuses = [&](const ChatTemplateOptions& options, const std::string& part) {
    return contains(error_of<InvalidArgument>([&] { tokenizer.apply_chat_template(messages, options); }),
                    part);
  };
  CHECK(refuses({.tools_json = "{}"}, "tools_json"));
  CHECK(refuses({.tools_json = "[1]"}, "tools_json"));
  CHECK(refuses({.tools_json = "[{]"}, "tools_json"));
  CHECK(refuses({.documents_json = "3"}, "documents_json"));
  CHECK(refuses({.variables = {{"messages", 1}}}, "messages"));
  CHECK(refuses({.variables_json = "[]"}, "variables_json"));
  Value deep;
  for (int i = 0; i < 100; ++i) deep = Value::List{deep};
  CHECK(refuses({.variables = {{"deep", deep}}}, "nested deeper"));
}

TEST_CASE("continuing the last message", "[chat_template]") {
  const Tokenizer tokenizer = plain();
  const std::vector<ChatMessage> messages{{"user", "u"}, {"assistant", "so "}};
  CHECK(tokenizer.apply_chat_template(messages, {.continue_final_message = true}) ==
        "[user:u][assistant:so ");
  const std::string trims = "{% for m in messages %}[{{ m.content | trim }}]{% endfor %}";
  CHECK(tokenizer.apply_chat_template(messages, {.continue_final_message = true, .chat_template = trims}) ==
        "[u][so");
  const ChatMessage parts{"assistant", "", R"({"content": [{"text": "a"}, {"text": "b"}, {"image": 1}]})"};
  const std::string joins = "{{ messages[0].content | map(attribute='text', default='') | join('/') }}!";
  CHECK(tokenizer.apply_chat_template({{parts}}, {.continue_final_message = true, .chat_template = joins}) ==
        "a/b");
  const auto refuses = [&](const ChatTemplateOptions& options, const std::string& part) {
    return contains(error_of<InvalidArgument>([&] { tokenizer.apply_chat_template(messages, options); }),
                    part);
  };
  CHECK(refuses({.add_generation_prompt = true, .continue_final_message = true}, "found both"));
  CHECK(refuses({.continue_final_message = true, .chat_template = "{{ messages[0].content }}"}, "as it is"));
  CHECK(refuses({.continue_final_message = true, .chat_template = "x"}, "no content"));
}

TEST_CASE("no template, no message, no such name", "[chat_template]") {
  const Tokenizer none = with_config("");
  CHECK_FALSE(none.has_chat_template());
  CHECK(none.chat_template_names().empty());
  const std::vector<ChatMessage> messages{{"user", "u"}};
  const std::string missing = error_of<NotFound>([&] { none.apply_chat_template(messages); });
  CHECK(contains(missing, "chat_template.jinja"));
  CHECK(contains(missing, "ChatTemplateOptions::chat_template"));
  CHECK(none.apply_chat_template(messages, {.chat_template = "{{ messages | length }}"}) == "1");
  const Tokenizer tokenizer = plain();
  CHECK(contains(error_of<InvalidArgument>([&] { tokenizer.apply_chat_template({}); }),
                 "at least one message"));
  CHECK(
      contains(error_of<InvalidArgument>([&] { tokenizer.apply_chat_template_json("[]"); }), "at least one"));
  CHECK(contains(error_of<InvalidArgument>([&] { tokenizer.apply_chat_template_json("{}"); }), "array"));
  CHECK(
      contains(error_of<InvalidArgument>([&] { tokenizer.apply_chat_template_json("[1]"); }), "messages[0]"));
  CHECK(
      contains(error_of<NotFound>([&] { tokenizer.apply_chat_template(messages, {.template_name = "rag"}); }),
               "\"rag\"; it has \"default\""));
}

TEST_CASE("several templates in the configuration", "[chat_template]") {
  const std::vector<ChatMessage> messages{{"user", "u"}};
  for (
      const char* list :
      {R"([{"name": "default", "template": "D"}, {"name": "tool_use", "template": "T"}, {"name": "rag", "template": "R"}])",
       R"({"default": "D", "tool_use": "T", "rag": "R"})"}) {
    const Tokenizer tokenizer = with_config(R"("chat_template": )" + std::string(list));
    CHECK(tokenizer.chat_template_names() == std::vector<std::string>{"default", "tool_use", "rag"});
    CHECK(tokenizer.apply_chat_template(messages) == "D");
    CHECK(tokenizer.apply_chat_template(messages, {.tools_json = "[]"}) == "T");
    CHECK(tokenizer.apply_chat_template(messages, {.tools_json = "[]", .template_name = "rag"}) == "R");
  }
  const Tokenizer no_default = with_config(R"("chat_template": [{"name": "rag", "template": "R"}])");
  CHECK(contains(error_of<NotFound>([&] { no_default.apply_chat_template(messages); }), "\"rag\""));
  CHECK(contains(error_of<FormatError>([] { with_config(R"("chat_template": 1)"); }), "chat_template"));
  CHECK(contains(error_of<FormatError>([] { with_config(R"("chat_template": [{"name": "x"}])"); }),
                 "template"));
  CHECK_FALSE(with_config(R"("chat_template": null)").has_chat_template());
}

TEST_CASE("files win over the configuration", "[chat_template]") {
  const TemporaryDirectory directory;
  directory.write("tokenizer.json", kTokenizer);
  directory.write("tokenizer_config.json", R"({"chat_template": [{"name": "default", "template": "C"},
                                                                  {"name": "old", "template": "O"}]})");
  directory.write("chat_template.jinja", "F\n");
  const std::vector<ChatMessage> messages{{"user", "u"}};
  CHECK(load(directory).apply_chat_template(messages) == "F");
  CHECK(load(directory).chat_template_names() == std::vector<std::string>{"default"});
  directory.write("additional_chat_templates/tool_use.jinja", "T");
  directory.write("additional_chat_templates/notes.txt", "N");
  CHECK(load(directory).apply_chat_template(messages, {.tools_json = "[]"}) == "T");
  CHECK(load(directory).chat_template_names() == std::vector<std::string>{"default", "tool_use"});
}

TEST_CASE("a template that does not compile fails when it is used", "[chat_template]") {
  const Tokenizer tokenizer = with_config(R"("chat_template": "\n{% if %}")");
  CHECK(tokenizer.encode("a") == std::vector<TokenId>{0});
  for (int i = 0; i < 2; ++i) {
    const std::string message = error_of<FormatError>([&] {
      tokenizer.apply_chat_template({{{"user", "u"}}});
    });
    CHECK(contains(message, "tokenizer_config.json: chat_template, line 2"));
  }
}

TEST_CASE("invalid UTF-8 in messages is mended", "[chat_template]") {
  CHECK(plain().apply_chat_template({{{"user", "a\xFF"}}}) == "[user:a\xEF\xBF\xBD]");
}

TEST_CASE("one tokenizer serves many threads", "[chat_template]") {
  const Tokenizer tokenizer = plain();
  std::vector<std::thread> threads;
  std::vector<int> right(4);
  for (std::size_t t = 0; t < right.size(); ++t) {
    threads.emplace_back([&, t] {
      const std::string name(t + 1, 'x');
      for (int i = 0; i < 200; ++i) {
        right[t] += tokenizer.apply_chat_template({{{"user", name}}}) == "[user:" + name + "]" ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == std::vector<int>(4, 200));
}

}  // namespace
}  // namespace transom
