// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>

#include "generation/settings.h"
#include "generation/stop_strings.h"
#include "transom/generation.h"
#include "transom/tokenizer.h"

namespace transom::generation {

/// Turns tokens into pieces for the callback and the result.
class TextOutput {
 public:
  /// @param tokenizer nullptr: there is no text then, and the callback gets an empty piece for each token.
  /// @param before What stands before the first new token. The new text continues it: a space between the two
  ///   is kept, where decoding the new tokens alone would drop it.
  TextOutput(const Settings& settings, const Tokenizer* tokenizer, std::span<const TokenId> before,
             const TokenCallback& on_text, std::string& text);

  void push(TokenId id);
  /// Text that can hold no stop string.
  void push_prompt(std::string_view prompt) { give(prompt, false); }
  /// The unfinished rest: half a character, or a possible beginning of a stop string.
  void finish();

  bool stopped() const { return stops_.found(); }
  bool cancelled() const { return cancelled_; }

 private:
  void give(std::string_view piece, bool even_if_empty);

  StopStrings stops_;
  const TokenCallback& on_text_;
  std::string& text_;
  std::optional<TokenStream> stream_;
  std::string piece_;  // kept from token to token
  bool cancelled_ = false;
};

}  // namespace transom::generation
