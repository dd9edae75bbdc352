// SPDX-License-Identifier: Apache-2.0
/// Tokenizers from directories without tokenizer.json: the vocabulary is a file of its own, and the steps are
/// those of the class that tokenizer_config.json names.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "text/tokenizer_config.h"
#include "text/tokenizer_impl.h"

namespace transom::text {

/// A tokenizer, and the special tokens of its class, which hold where no file names others (null for none).
struct PlainTokenizer {
  TokenizerImpl::Parts parts;
  io::Json special_tokens;
};

/// @return The main file of such a tokenizer, whichever is there first: tokenizer.model or spiece.model
/// (SentencePiece: Llama, Gemma, T5), vocab.json beside merges.txt (byte-level BPE: GPT-2, Qwen 2, RoBERTa),
/// vocab.txt (WordPiece: BERT).
std::optional<std::string> find_plain_files(const std::filesystem::path& directory);

/// Reads it. @return Nothing when there is none.
/// @throws FormatError; UnsupportedError naming a class whose steps are not known.
std::optional<PlainTokenizer> load_plain_files(const std::filesystem::path& directory,
                                               const NamedJson& config);

}  // namespace transom::text
