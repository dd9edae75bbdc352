// SPDX-License-Identifier: Apache-2.0
/// Vocabularies that are at hand only as GGUF files, turned into tokenizer.json.
#pragma once

#include <filesystem>
#include <string>

namespace transom::test {

/// @param name "deepseek-llm" or "deepseek-coder", which decides the pre-tokenizer.
/// @return The text of a tokenizer.json, the same that make_tokenizer_goldens.py builds.
std::string tokenizer_json_from_gguf(const std::filesystem::path& path, const std::string& name);

}  // namespace transom::test
