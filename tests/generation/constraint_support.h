// SPDX-License-Identifier: Apache-2.0
/// Vocabularies and questions for the tests of constraints.
#pragma once

#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "generation/constraint/constraint.h"

namespace transom::testing {

using generation::compile;
using generation::Constraint;
using generation::ConstraintKind;
using generation::Matcher;
using generation::TokenTable;

/// A table whose token i has the bytes tokens[i]; an empty one is never allowed.
inline std::shared_ptr<const TokenTable> table_of(const std::vector<std::string>& tokens) {
  text::TokenBytes bytes;
  for (const std::string& token : tokens) bytes.add(token);
  return std::make_shared<const TokenTable>(std::move(bytes));
}

/// Token b is byte b; the end of the text is token 256.
inline constexpr TokenId kByteEos = 256;
inline std::vector<std::string> byte_tokens() {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  tokens.emplace_back();
  return tokens;
}

/// All bytes, the end of text, then pieces such as a real vocabulary has: of words, of JSON, of characters.
inline std::vector<std::string> mixed_tokens() {
  std::vector<std::string> tokens = byte_tokens();
  for (const char* piece : {"ab",
                            "abc",
                            "bc",
                            "ca",
                            "aab",
                            "{\"",
                            "\":",
                            "\": ",
                            "\",",
                            "\", \"",
                            "\"}",
                            "}}",
                            "}]",
                            "],",
                            "]}",
                            "[[",
                            "[{\"",
                            "null",
                            "true",
                            "false",
                            "tr",
                            "ue",
                            " 1",
                            "12",
                            "123",
                            "-1",
                            "0.",
                            ".5",
                            "e+",
                            "E1",
                            "name",
                            "\"name\"",
                            "\\n",
                            "\\u",
                            "\\\"",
                            "00",
                            "\xC3\xA9",
                            "\xC3",
                            "\xA9t",
                            "\xE2\x82",
                            "\xAC",
                            "\xF0\x9F",
                            "\x98\x80",
                            "\xE2\x82\xAC\"",
                            "\xF0\x9F\x98\x80",
                            "\n",
                            "  ",
                            "\n\n",
                            "-0",
                            "1-",
                            "T1",
                            ":0",
                            "ac",
                            "bb",
                            "cc",
                            "abab",
                            "bcbc",
                            ", ",
                            "a\"",
                            "b\",\"",
                            "the",
                            " the",
                            " value",
                            "value",
                            "id",
                            "\"id\":",
                            "x",
                            "y\":"}) {
    tokens.emplace_back(piece);
  }
  return tokens;
}

/// Whether a whole text is in the language, read byte by byte.
inline bool matches(const std::shared_ptr<const Constraint>& constraint, std::string_view text) {
  Matcher matcher(constraint, {kByteEos});
  for (const char byte : text) {
    if (!matcher.accept(static_cast<unsigned char>(byte))) return false;
  }
  return matcher.can_end();
}

/// The tokens that a mask allows.
inline std::vector<TokenId> allowed(Matcher& matcher, std::size_t vocab) {
  std::vector<float> logits(vocab, 0.0f);
  matcher.mask(logits);
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < vocab; ++i) {
    if (std::isfinite(logits[i])) ids.push_back(static_cast<TokenId>(i));
  }
  return ids;
}

}  // namespace transom::testing
