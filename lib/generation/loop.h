// SPDX-License-Identifier: Apache-2.0
/// The generation loop: prompt through the model, then token by token until something ends it.
#pragma once

#include <span>
#include <vector>

#include "generation/settings.h"
#include "model/sequence.h"
#include "transom/generation.h"
#include "transom/tokenizer.h"

namespace transom::generation {

/// A text and what the model has read of it. The sequence may lag behind: the last generated token is only
/// read when something follows it.
struct Text {
  model::Sequence* sequence = nullptr;
  std::vector<TokenId>* tokens = nullptr;  // everything so far
  std::vector<float>* logits = nullptr;    // [vocab], scratch that outlives the call
};

/// Generates after text.tokens, which is not empty. New tokens are appended to it as they appear.
/// @param tokenizer nullptr when the model has none: no text then, and the callback gets empty pieces.
/// @throws what the callback or a processor throws; the text then ends with the last complete token.
Generation run(const Text& text, const Settings& settings, const Tokenizer* tokenizer,
               const TokenCallback& on_text);

}  // namespace transom::generation
