// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace transom::model {

/// A regular expression over module names, as quantisation configurations use them: literals, `.`, classes,
/// \d \w \s and their opposites, groups, `|`, the repetitions `* + ? {m,n}` greedy or lazy, and `^ $ \A \Z`.
/// Matches as Python's re.match: from the start of the name, to anywhere.
///
/// Patterns come from files: the size of the compiled form and the depth of groups are bounded, and matching
/// takes time proportional to name times pattern, whatever the pattern (Thompson 1968). Immutable.
class NamePattern {
 public:
  /// @param where Names the pattern in messages. @throws FormatError for what is no regular expression,
  /// UnsupportedError for look-around, back references and other syntax beyond the list above.
  NamePattern(std::string_view pattern, const std::string& where);

  bool matches(std::string_view name) const;
  /// Steps of the compiled form: what matching costs a character at most.
  std::size_t size() const { return steps_.size(); }

 private:
  friend class NamePatternParser;
  enum class Kind { bytes, split, jump, at_start, at_end, accept };
  /// Offsets are relative, so that a repeated part is copied as it is.
  struct Step {
    Kind kind = Kind::accept;
    std::bitset<256> bytes;               // bytes: one of these, then the next step
    std::ptrdiff_t first = 1, other = 1;  // split: both; jump: first
  };
  using Steps = std::vector<Step>;

  Steps steps_;
};

}  // namespace transom::model
