// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace transom::generation {

/// Finds stop strings in text that arrives in pieces. Text that could be the beginning of a stop string is
/// held back, so that no part of one is ever given out.
class StopStrings {
 public:
  /// @param stops Must outlive the object.
  explicit StopStrings(std::vector<std::string>&& stops) = delete;
  explicit StopStrings(const std::vector<std::string>& stops) : stops_(stops) { held_.reserve(256); }

  /// Adds a piece. @return Text that is certain not to belong to a stop string; valid until the next call.
  std::string_view push(std::string_view piece);
  /// The text ended: what was held back is given out.
  std::string_view finish();
  /// A stop string was found; everything before it was given out.
  bool found() const { return found_; }

 private:
  std::size_t longest_open_suffix() const;

  const std::vector<std::string>& stops_;
  std::string held_;  // given out up to `given_`, held back after it
  std::size_t given_ = 0;
  bool found_ = false;
};

}  // namespace transom::generation
