// SPDX-License-Identifier: Apache-2.0
/// Added tokens: spellings such as `<|im_end|>` that are cut out of the text before anything else sees it.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/json_path.h"
#include "text/models/vocabulary.h"
#include "text/normalizers/normalizer.h"
#include "text/patterns/literal_set.h"

namespace transom::text {

struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool single_word = false;  ///< not recognised where a \w character touches it
  bool lstrip = false;       ///< swallows the whitespace before it
  bool rstrip = false;       ///< swallows the whitespace behind it
  bool normalized = false;   ///< looked for in the normalised text, by its own normalised spelling
  bool special = false;      ///< left out when decoding with skip_special_tokens
};

/// A part of a text: an added token, or text between added tokens.
struct Segment {
  std::optional<TokenId> id;
  std::string_view text;
};

class AddedTokens {
 public:
  /// Adds a token, or replaces the one of the same content. Call index() after the last.
  void add(AddedToken token);
  /// Builds the search structures. @param normalizer may be null.
  void index(const Normalizer* normalizer);

  /// Cuts a text at the added tokens with the given `normalized` flag.
  /// @param all false recognises only tokens that cannot be control sequences, see spells_control.
  void split(std::string_view text, bool normalized, bool all, std::vector<Segment>& out) const;

  const AddedToken* find(std::string_view content) const;
  const AddedToken* find(TokenId id) const;
  bool empty() const { return tokens_.empty(); }
  const std::vector<AddedToken>& tokens() const { return tokens_; }

 private:
  const LiteralSet& set_for(bool normalized, bool all) const { return sets_[2 * normalized + all]; }

  std::vector<AddedToken> tokens_;
  std::unordered_map<std::string, std::size_t> by_content_;
  std::unordered_map<TokenId, std::size_t> by_id_;
  std::array<LiteralSet, 4> sets_;
};

/// Whether a token must not be recognised in text of unknown origin: it is special, or one of `<>[]{}|` or
/// U+FF5C is in its spelling. Chat formats mark their turns with those, and many files forget the special
/// flag (DeepSeek's user and assistant marks). Runs of spaces and plain words are not control sequences.
bool spells_control(const AddedToken& token);

/// Reads the "added_tokens" member of tokenizer.json against the model's vocabulary.
/// @throws FormatError when an id is used twice or is not the one that the vocabulary gives to the content.
AddedTokens load_added_tokens(const io::Json* json, const Vocabulary& vocabulary, const JsonPath& path);

/// Reads the flags of one added token, without its id.
AddedToken load_added_token(const io::Json& json, const JsonPath& path);

/// Adds a token after checking its id against the vocabulary and the tokens that are there.
void add_checked(AddedTokens& tokens, AddedToken token, const Vocabulary& vocabulary, const JsonPath& path);

}  // namespace transom::text
