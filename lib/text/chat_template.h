// SPDX-License-Identifier: Apache-2.0
/// The chat templates of a model, and how a conversation is handed to one.
#pragma once

#include <exception>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/template.h"
#include "text/json_path.h"
#include "transom/tokenizer.h"

namespace transom::text {

/// Filled while a tokenizer is loaded, then immutable; safe from any thread.
class ChatTemplates {
 public:
  /// Adds a template. One that does not compile is kept with its error, which comes when it is used: a model
  /// may be used without its template.
  /// @param where Names its source in messages.
  void add(std::string name, std::string_view source, std::string where);
  /// Adds what `chat_template` of tokenizer_config.json holds: a text, a list of {name, template}, or an
  /// object from names to texts. @throws FormatError when it is something else.
  void add_from_config(const NamedJson& config);
  /// Reads chat_template.jinja and additional_chat_templates/*.jinja of a directory, where they are there.
  static ChatTemplates from_files(const std::filesystem::path& directory);

  /// A special token by its name, "bos_token", for the templates to write.
  void add_special_token(std::string name, std::string spelling) {
    special_tokens_.emplace_back(std::move(name), std::move(spelling));
  }

  bool empty() const { return templates_.empty(); }
  std::vector<std::string> names() const;

  /// The text of a conversation. See Tokenizer::apply_chat_template.
  /// @param clock For strftime_now; empty for the system's.
  std::string apply(std::span<const ChatMessage> messages, const ChatTemplateOptions& options,
                    const jinja::Clock& clock = {}) const;
  std::string apply_json(std::string_view messages_json, const ChatTemplateOptions& options,
                         const jinja::Clock& clock = {}) const;

 private:
  struct Entry {
    std::string name;
    std::optional<jinja::Template> compiled;
    std::exception_ptr error;  ///< when it did not compile
  };
  using Message = std::vector<jinja::Dict::Item>;

  const jinja::Template& choose(const ChatTemplateOptions& options) const;
  std::string render(std::vector<Message> messages, const ChatTemplateOptions& options,
                     const jinja::Clock& clock) const;

  std::vector<Entry> templates_;
  std::vector<std::pair<std::string, std::string>> special_tokens_;
};

}  // namespace transom::text
