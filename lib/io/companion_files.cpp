// SPDX-License-Identifier: Apache-2.0
#include "io/companion_files.h"

#include <fstream>
#include <system_error>

#include "core/checks.h"
#include "io/safetensors_write.h"
#include "transom/error.h"

namespace transom::io {

using core::message;
namespace fs = std::filesystem;

namespace {

constexpr const char* kCompanionFiles[] = {"generation_config.json",
                                           "tokenizer.json",
                                           "tokenizer_config.json",
                                           "special_tokens_map.json",
                                           "added_tokens.json",
                                           "vocab.json",
                                           "merges.txt",
                                           "tokenizer.model",
                                           "chat_template.jinja"};

constexpr const char* kChatTemplateFolder = "additional_chat_templates";

void copy_chat_templates(const fs::path& from, const fs::path& to) {
  std::error_code error, ignored;
  if (fs::equivalent(from, to, ignored)) return;
  for (fs::directory_iterator it(from, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() != ".jinja") continue;
    // A link to such a folder is not written through either.
    if (fs::is_symlink(fs::symlink_status(to, ignored))) fs::remove(to, ignored);
    make_directory(to);
    copy_whole_file(it->path(), to / it->path().filename());
  }
}

}  // namespace

void make_directory(const fs::path& path) {
  std::error_code failure;
  fs::create_directories(path, failure);
  if (failure)
    throw DeviceError(message(path.string(), ": cannot create the directory: ", failure.message()));
}

void copy_whole_file(const fs::path& from, const fs::path& to) {
  std::ifstream in(from, std::ios::binary);
  if (!in) throw DeviceError(message(from.string(), ": cannot read"));
  replace_file(to, [&](std::ostream& out) {
    if (in.peek() != std::ifstream::traits_type::eof()) out << in.rdbuf();  // an empty file is no failure
  });
}

void copy_companion_files(const fs::path& from, const fs::path& to) {
  std::error_code error;
  copy_chat_templates(from / kChatTemplateFolder, to / kChatTemplateFolder);
  for (const char* name : kCompanionFiles) {
    if (fs::exists(from / name, error)) copy_whole_file(from / name, to / name);
  }
}

}  // namespace transom::io
