// SPDX-License-Identifier: Apache-2.0
/// Where the templates of a directory are.
#include <algorithm>
#include <filesystem>

#include "io/file.h"
#include "text/chat_template.h"
#include "text/jinja/limits.h"
#include "text/json_path.h"

namespace transom::text {

namespace fs = std::filesystem;

void ChatTemplates::add_from_config(const NamedJson& config) {
  const io::Json* const found = config.json != nullptr ? config.json->find_value("chat_template") : nullptr;
  if (found == nullptr) return;
  const JsonPath path = JsonPath(config.where).member("chat_template");
  if (found->is_array()) {
    std::size_t i = 0;
    for (const io::Json& entry : found->as_array(path)) {
      const JsonPath entry_path = path.element(i++);
      add(required_string(entry, "name", entry_path), required_string(entry, "template", entry_path),
          entry_path.str());
    }
  } else if (found->is_object()) {
    for (const auto& [name, source] : found->as_object(path)) {
      add(name, source.as_string(path.member(name)), path.member(name).str());
    }
  } else {
    add("default", found->as_string(path), path.str());
  }
}

ChatTemplates ChatTemplates::from_files(const fs::path& directory) {
  ChatTemplates templates;
  std::error_code ignored;
  const auto add_file = [&templates](std::string name, const fs::path& path) {
    templates.add(std::move(name), io::read_text_file(path, jinja::kMaxTemplateBytes), path.string());
  };
  const fs::path single = directory / "chat_template.jinja";
  if (fs::exists(single, ignored)) add_file("default", single);
  std::vector<fs::path> more;
  std::error_code error;
  for (fs::directory_iterator it(directory / "additional_chat_templates", error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".jinja") more.push_back(it->path());
  }
  std::sort(more.begin(), more.end());
  for (const fs::path& path : more) add_file(path.stem().string(), path);
  return templates;
}

}  // namespace transom::text
