// SPDX-License-Identifier: Apache-2.0
#include "text/chat_template.h"

#include <algorithm>

#include "core/checks.h"
#include "text/chat_messages.h"
#include "text/jinja/strings.h"
#include "transom/error.h"

namespace transom::text {

using core::message;

void ChatTemplates::add(std::string name, std::string_view source, std::string where) {
  Entry entry{std::move(name), std::nullopt, nullptr};
  try {
    entry.compiled = jinja::Template::compile(source, std::move(where));
  } catch (const Error&) {
    entry.error = std::current_exception();
  }
  templates_.push_back(std::move(entry));
}

std::vector<std::string> ChatTemplates::names() const {
  std::vector<std::string> out;
  for (const Entry& entry : templates_) out.push_back(entry.name);
  return out;
}

const jinja::Template& ChatTemplates::choose(const ChatTemplateOptions& options) const {
  if (templates_.empty()) {
    throw NotFound(
        "the model has no chat template: chat_template.jinja is missing and tokenizer_config.json names "
        "none; "
        "give one as ChatTemplateOptions::chat_template, or write the prompt yourself");
  }
  const auto find = [this](std::string_view name) {
    return std::find_if(templates_.begin(), templates_.end(), [&](const Entry& e) { return e.name == name; });
  };
  auto found = templates_.end();
  if (!options.template_name.empty()) {
    found = find(options.template_name);
  } else {
    if (!options.tools_json.empty()) found = find("tool_use");
    if (found == templates_.end()) found = find("default");
  }
  if (found == templates_.end()) {
    const std::string& wanted = options.template_name.empty() ? "default" : options.template_name;
    std::string known;
    for (const Entry& entry : templates_) known += (known.empty() ? "\"" : ", \"") + entry.name + "\"";
    throw NotFound(message("the model has no chat template \"", wanted, "\"; it has ", known));
  }
  if (found->error) std::rethrow_exception(found->error);
  return *found->compiled;
}

std::string ChatTemplates::apply(std::span<const ChatMessage> messages, const ChatTemplateOptions& options,
                                 const jinja::Clock& clock) const {
  std::vector<Message> values;
  for (std::size_t i = 0; i < messages.size(); ++i) values.push_back(chat_message(messages[i], i));
  return render(std::move(values), options, clock);
}

std::string ChatTemplates::apply_json(std::string_view messages_json, const ChatTemplateOptions& options,
                                      const jinja::Clock& clock) const {
  return render(chat_messages_from_json(messages_json), options, clock);
}

std::string ChatTemplates::render(std::vector<Message> messages, const ChatTemplateOptions& options,
                                  const jinja::Clock& clock) const {
  if (messages.empty())
    throw InvalidArgument("apply_chat_template: expected at least one message, found none");
  if (options.continue_final_message && options.add_generation_prompt) {
    throw InvalidArgument(
        "apply_chat_template: expected continue_final_message or add_generation_prompt, found both");
  }
  std::optional<jinja::Template> own;
  if (!options.chat_template.empty()) own = jinja::Template::compile(options.chat_template, "chat_template");
  const jinja::Template& used = own ? *own : choose(options);
  for (Message& one : messages) normalize_chat_message(one);
  std::string continued;
  if (options.continue_final_message) continued = mark_final_message(messages.back(), used.source());

  jinja::Variables variables;
  for (const auto& [name, spelling] : special_tokens_)
    variables.insert_or_assign(name, jinja::Value(spelling));
  add_chat_variables(options, variables);
  std::vector<jinja::Value> list;
  for (Message& one : messages) list.push_back(jinja::make_dict(std::move(one)));
  variables.insert_or_assign("messages", jinja::make_list(std::move(list)));
  std::string text = used.render(std::move(variables), {}, clock);
  return options.continue_final_message ? cut_after_final_message(std::move(text), continued) : text;
}

}  // namespace transom::text
