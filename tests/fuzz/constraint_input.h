// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/require.h"
#include "tests/generation/constraint_support.h"
#include "transom/error.h"

namespace transom::fuzz {

/// The input is a source up to the first zero byte, then bytes that choose tokens. What compiles must give
/// masks that agree with trying every token, and never leave a text that can neither end nor go on. Only
/// typed errors may come out.
inline int exercise_constraint(generation::ConstraintKind kind, const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view source = input.substr(0, input.find('\0'));
  const std::string_view choices = input.substr(std::min(source.size() + 1, input.size()));
  static const auto table = testing::table_of(testing::mixed_tokens());
  try {
    generation::Matcher matcher(compile(kind, source, table), {testing::kByteEos});
    for (std::size_t step = 0; step < 12 && !matcher.must_end(); ++step) {
      const std::vector<TokenId> ids = testing::allowed(matcher, table->size());
      require(!ids.empty());
      auto next = ids.begin();
      for (TokenId id = 0; id < static_cast<TokenId>(table->size()); ++id) {
        generation::Matcher copy = matcher;
        const bool expected = next != ids.end() && *next == id;
        if (expected) ++next;
        require(copy.accept(id) == expected);
      }
      const auto choice = static_cast<std::uint8_t>(step < choices.size() ? choices[step] : 0);
      require(matcher.accept(ids[choice % ids.size()]));
    }
  } catch (const Error&) {
    // A typed error is a right answer to a wrong source, or to one beyond the limits.
  }
  return 0;
}

}  // namespace transom::fuzz
