// SPDX-License-Identifier: Apache-2.0
/// Building a tokenizer from the files of a directory.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "io/json.h"
#include "text/chat_template.h"
#include "text/json_path.h"
#include "text/tokenizer_impl.h"

namespace transom::text {

/// Reads tokenizer.json, tokenizer_config.json, special_tokens_map.json and the chat templates of a
/// directory; only the first must be there. Without it, the older files are read that plain_files.h knows,
/// and added_tokens.json.
/// @throws NotFound naming tokenizer.json when there is none of all these; FormatError with file and JSON
/// path when a file is wrong; UnsupportedError when it asks for a step that this version does not know.
std::shared_ptr<const TokenizerImpl> load_tokenizer(const std::filesystem::path& directory);

/// Whether load_tokenizer would find the files of a tokenizer.
bool has_tokenizer(const std::filesystem::path& directory);

/// Sets the decoder, and what a single token spells, from a "decoder" as tokenizer.json has it.
void set_decoder(const io::Json& json, const JsonPath& path, TokenizerImpl::Parts& parts);

/// The same as load_tokenizer from parsed files.
/// @param template_files The chat templates that lie beside them. Where there are any, the one in `config`
/// does not count.
std::shared_ptr<const TokenizerImpl> tokenizer_from_json(const NamedJson& tokenizer,
                                                         const NamedJson& config = {},
                                                         const NamedJson& special_tokens_map = {},
                                                         ChatTemplates template_files = {});

/// The same from tokenizer.json alone.
std::shared_ptr<const TokenizerImpl> from_json(const io::Json& tokenizer, std::string where);

}  // namespace transom::text
