// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "transom/tokenizer.h"

namespace transom::text {

class TokenizerImpl;

/// The body of Tokenizer::encode_chat.
std::vector<TokenId> encode_chat(const TokenizerImpl& tokenizer, std::span<const ChatMessage> messages,
                                 const ChatTemplateOptions& options);

}  // namespace transom::text
