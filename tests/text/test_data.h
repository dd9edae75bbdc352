// SPDX-License-Identifier: Apache-2.0
/// The tokenizer files that the tests read, wherever they are.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/json.h"
#include "text/tokenizer_impl.h"
#include "transom/error.h"

namespace transom::test {

/// Real tokenizers too big for the repository: the folder $TRANSOM_SHARED_DATA, or shared/data beside the
/// source tree. Empty when there is none.
std::filesystem::path shared_data();

/// tests/golden/tokenizer of the source tree.
std::filesystem::path golden_dir();

/// The names of all tokenizers that have goldens.
const std::vector<std::string>& tokenizer_names();

/// @return nullptr, after printing a notice, when the files are not there.
std::shared_ptr<const text::TokenizerImpl> load_named(const std::string& name);

/// The JSON of a named tokenizer, or an empty text.
std::string named_tokenizer_json(const std::string& name);

/// Texts and ids of a vocabulary's own test files: <name>.gguf.inp and .out. Empty when they are not there.
struct VocabCase {
  std::string text;
  std::vector<TokenId> ids;
};
std::vector<VocabCase> vocab_cases(const std::string& name);

/// A tokenizer from the text of a tokenizer.json.
std::shared_ptr<const text::TokenizerImpl> tokenizer_of(std::string_view json);

/// Whether the action throws a transom::Error whose message has all of these parts.
bool error_says(const std::function<void()>& action, const std::vector<std::string>& parts);

/// Unpacks an .xz file with the xz program; an empty text when either is missing.
std::string read_xz(const std::filesystem::path& path);

/// A JSON list of token ids.
std::vector<TokenId> ids_of(const io::Json& json);

/// A whole file.
std::string read_all(const std::filesystem::path& path);

}  // namespace transom::test
