// SPDX-License-Identifier: Apache-2.0
/// Messages and options as the values that a chat template sees, in the way of the Python library.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/template.h"
#include "transom/tokenizer.h"

namespace transom::text {

/// The members of one message, in order.
using ChatMessageItems = std::vector<jinja::Dict::Item>;

/// @param index Its place, for messages.
/// @throws InvalidArgument when fields_json is no JSON object.
ChatMessageItems chat_message(const ChatMessage& message, std::size_t index);
/// @throws InvalidArgument when the text is no JSON array of objects.
std::vector<ChatMessageItems> chat_messages_from_json(std::string_view json);

/// Drops members that are null, and gives reasoning under both of its names: `reasoning_content`, which most
/// templates read, and `thinking`.
void normalize_chat_message(ChatMessageItems& message);

/// Sets tools, documents, add_generation_prompt and the caller's own variables.
void add_chat_variables(const ChatTemplateOptions& options, jinja::Variables& variables);

/// For continue_final_message: appends a mark to the content, and finds it again in the rendered text.
/// @return The content without the mark.
/// @throws InvalidArgument when the last message has no text to continue.
std::string mark_final_message(ChatMessageItems& message, std::string_view template_source);
/// @return What stands in front of the mark.
std::string cut_after_final_message(std::string rendered, std::string_view content);

}  // namespace transom::text
