// SPDX-License-Identifier: Apache-2.0
/// Pre-tokenizers that cut at places which are no matches of a pattern.
#pragma once

#include <cstddef>
#include <memory>

#include "text/pre_tokenizers/pre_tokenizer.h"

namespace transom::text {

/// Cuts where the script changes. Hiragana, katakana and the mark of long vowels count as Han; spaces and
/// characters without a script go with what stands before them and are dropped at the beginning of a piece.
std::unique_ptr<PreTokenizer> make_unicode_scripts();

/// Cuts after every `length` characters. @param length at least 1.
std::unique_ptr<PreTokenizer> make_fixed_length(std::size_t length);

}  // namespace transom::text
