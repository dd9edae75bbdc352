// SPDX-License-Identifier: Apache-2.0
#include "text/chat_messages.h"

#include <algorithm>

#include "core/checks.h"
#include "io/json.h"
#include "text/jinja/strings.h"
#include "text/utf8.h"
#include "transom/error.h"

namespace transom::text {

using core::message;

namespace {

constexpr std::string_view kMark = "CONTINUE_FINAL_MESSAGE_TAG ";
constexpr int kMaxVariableDepth = 64;

/// Parses what the caller gave: if it is wrong, the caller can mend it.
io::Json parse_argument(std::string_view json, const std::string& what) {
  try {
    return io::Json::parse(json, what);
  } catch (const FormatError& error) {
    throw InvalidArgument(error.what());
  }
}

const jinja::Value* find(const ChatMessageItems& items, std::string_view key) {
  for (const auto& [name, value] : items) {
    if (name.string() == key) return &value;
  }
  return nullptr;
}

void put(ChatMessageItems& items, std::string_view key, jinja::Value value) {
  for (auto& [name, old] : items) {
    if (name.string() != key) continue;
    old = std::move(value);
    return;
  }
  items.emplace_back(jinja::Value(std::string(key)), std::move(value));
}

jinja::Value to_value(const Value& value, const std::string& name, int depth) {
  if (depth > kMaxVariableDepth) {
    throw InvalidArgument(
        message("variables[\"", name, "\"]: nested deeper than ", kMaxVariableDepth, " levels"));
  }
  if (value.is_null()) return jinja::Value();
  if (value.is_bool()) return jinja::Value(value.as<bool>());
  if (value.is_integer()) return jinja::Value(value.as<std::int64_t>());
  if (value.is_number()) return jinja::Value(value.as<double>());
  if (value.is_string()) return jinja::Value(replace_invalid_utf8(value.as<std::string>()));
  if (value.is_list()) {
    std::vector<jinja::Value> items;
    for (const Value& item : value.as<Value::List>()) items.push_back(to_value(item, name, depth + 1));
    return jinja::make_list(std::move(items));
  }
  std::vector<jinja::Dict::Item> items;
  for (const auto& [key, item] : value.as<Value::Map>()) {
    items.emplace_back(jinja::Value(replace_invalid_utf8(key)), to_value(item, name, depth + 1));
  }
  return jinja::make_dict(std::move(items));
}

/// A list of objects, or None for an empty text and for null.
jinja::Value objects(const std::string& json, const std::string& what) {
  if (json.empty()) return jinja::Value();
  const io::Json parsed = parse_argument(json, what);
  if (parsed.is_null()) return jinja::Value();
  if (!parsed.is_array()) {
    throw InvalidArgument(
        message(what, ": expected an array of objects, found ", io::Json::kind_name(parsed.kind())));
  }
  for (const io::Json& item : parsed.as_array(what)) {
    if (item.is_object()) continue;
    throw InvalidArgument(message(what, ": expected objects, found ", io::Json::kind_name(item.kind())));
  }
  return jinja::from_json(parsed, what);
}

ChatMessageItems items_of(const io::Json& json, const std::string& where) {
  if (!json.is_object()) {
    throw InvalidArgument(message(where, ": expected an object, found ", io::Json::kind_name(json.kind())));
  }
  return jinja::from_json(json, where).dict().items;
}

}  // namespace

ChatMessageItems chat_message(const ChatMessage& message_given, std::size_t index) {
  ChatMessageItems items;
  put(items, "role", jinja::Value(replace_invalid_utf8(message_given.role)));
  put(items, "content", jinja::Value(replace_invalid_utf8(message_given.content)));
  if (message_given.fields_json.empty()) return items;
  const std::string where = message("messages[", index, "].fields_json");
  for (auto& [name, value] : items_of(parse_argument(message_given.fields_json, where), where)) {
    // Names are unique within the object, so only the first two can be there already.
    const bool replaces = name.string() == "role" || name.string() == "content";
    jinja::Value& slot = items[name.string() == "role" ? 0 : 1].second;
    if (replaces) {
      slot = std::move(value);
    } else {
      items.emplace_back(name, std::move(value));
    }
  }
  return items;
}

std::vector<ChatMessageItems> chat_messages_from_json(std::string_view json) {
  const io::Json parsed = parse_argument(json, "messages");
  if (!parsed.is_array()) {
    throw InvalidArgument(message("messages: expected an array, found ", io::Json::kind_name(parsed.kind())));
  }
  std::vector<ChatMessageItems> messages;
  for (const io::Json& item : parsed.as_array("messages")) {
    messages.push_back(items_of(item, message("messages[", messages.size(), "]")));
  }
  return messages;
}

void normalize_chat_message(ChatMessageItems& items) {
  std::erase_if(items, [](const jinja::Dict::Item& item) { return item.second.is_none(); });
  const jinja::Value* reasoning = nullptr;
  for (const std::string_view key : {"reasoning_content", "thinking", "reasoning"}) {
    if (reasoning == nullptr) reasoning = find(items, key);
  }
  if (reasoning == nullptr) return;
  const jinja::Value text = *reasoning;
  const jinja::Value* const thinking = find(items, "thinking");
  const jinja::Value thought = thinking != nullptr ? *thinking : text;
  std::erase_if(items, [](const jinja::Dict::Item& item) { return item.first.string() == "thinking"; });
  items.emplace(items.begin(), jinja::Value(std::string("thinking")), thought);
  put(items, "reasoning_content", text);
}

void add_chat_variables(const ChatTemplateOptions& options, jinja::Variables& variables) {
  const auto add = [&variables](const std::string& name, jinja::Value value) {
    for (const std::string_view taken : {"messages", "tools", "documents", "add_generation_prompt"}) {
      if (name != taken) continue;
      throw InvalidArgument(message("variables: \"", name, "\" has a place of its own"));
    }
    variables.insert_or_assign(name, std::move(value));
  };
  if (!options.variables_json.empty()) {
    const std::string where = "variables_json";
    for (auto& [name, value] : items_of(parse_argument(options.variables_json, where), where)) {
      add(name.string(), std::move(value));
    }
  }
  for (const auto& [name, value] : options.variables) add(name, to_value(value, name, 0));
  variables.insert_or_assign("tools", objects(options.tools_json, "tools_json"));
  variables.insert_or_assign("documents", objects(options.documents_json, "documents_json"));
  variables.insert_or_assign("add_generation_prompt", jinja::Value(options.add_generation_prompt));
}

std::string mark_final_message(ChatMessageItems& items, std::string_view template_source) {
  const jinja::Value* const content = find(items, "content");
  if (content == nullptr || template_source.find("content") == template_source.npos) {
    throw InvalidArgument(message("continue_final_message: the ",
                                  content == nullptr ? "last message" : "template",
                                  " has no content to continue"));
  }
  const auto marked = [](const std::string& text) { return jinja::Value(text + std::string(kMark)); };
  if (content->is_string()) {
    std::string text = content->string();
    put(items, "content", marked(text));
    return text;
  }
  if (content->is(jinja::Kind::sequence)) {
    std::vector<jinja::Value> parts = content->sequence().items;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {  // the last part that has text
      if (!part->is(jinja::Kind::dict)) continue;
      const jinja::Value* const found = part->dict().find("text");
      if (found == nullptr || !found->is_string()) continue;
      std::string text = found->string();
      ChatMessageItems members = part->dict().items;
      put(members, "text", marked(text));
      *part = jinja::make_dict(std::move(members));
      put(items, "content", jinja::make_list(std::move(parts)));
      return text;
    }
  }
  throw InvalidArgument("continue_final_message: the last message has no text to continue");
}

std::string cut_after_final_message(std::string rendered, std::string_view content) {
  const std::string_view bare_mark = kMark.substr(0, kMark.size() - 1);
  const std::size_t at = rendered.rfind(bare_mark);
  if (at == rendered.npos || jinja::find_text(rendered, jinja::strip(content)) == rendered.npos) {
    throw InvalidArgument(
        "continue_final_message: the template does not write the last message as it is, so it cannot be "
        "continued");
  }
  const bool keeps_space = std::string_view(rendered).substr(at).starts_with(kMark);
  rendered.resize(at);
  if (!keeps_space) rendered.resize(jinja::strip_right(rendered).size());  // the template trims its messages
  return rendered;
}

}  // namespace transom::text
