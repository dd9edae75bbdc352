// SPDX-License-Identifier: Apache-2.0
/// Hand-written scanners for the regular expressions of well-known tokenizers. They are chosen only when the
/// expression in the file is equal byte for byte, and tests compare them with Oniguruma on random text.
#pragma once

#include <string_view>

namespace transom::text {

/// Tries for a match that begins at `p`; the text up to `end` is valid UTF-8 and not empty.
/// @return Whether there is one, and then `next` is its end; otherwise none begins before `next`, which lies
/// behind `p`.
using Scanner = bool (*)(const char* p, const char* end, const char*& next);

/// The expression built into the ByteLevel pre-tokenizer.
extern const std::string_view kGpt2Expression;

/// @return The scanner for this expression, or nullptr.
Scanner find_scanner(std::string_view expression);

/// All expressions that have a scanner.
struct KnownExpression {
  std::string_view name;
  std::string_view expression;
  Scanner scanner;
};
const KnownExpression* known_expressions_begin();
const KnownExpression* known_expressions_end();

}  // namespace transom::text
