// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>

namespace transom::generation {

/// How much to guess next, by how the last guesses did. A step that checks a guess costs more than one that
/// does not, the more the longer the guess: after a wrong one only as much as was right and one more is
/// tried, after several useless ones none for some steps.
class DraftLength {
 public:
  explicit DraftLength(std::size_t most) : most_(most), length_(std::min(most, kFirst)) {}

  /// Tokens to guess in this step.
  std::size_t next() {
    if (pause_ == 0) return length_;
    --pause_;
    return 0;
  }

  void learn(std::size_t drafted, std::size_t accepted) {
    length_ = std::min(most_, accepted == drafted ? 2 * length_ : accepted + 1);
    useless_ = accepted > 0 ? 0 : useless_ + 1;
    pause_ = useless_ < kPatience ? 0 : std::min(useless_, kLongestPause);
  }

 private:
  static constexpr std::size_t kFirst = 3, kPatience = 2, kLongestPause = 8;

  std::size_t most_, length_;
  std::size_t useless_ = 0;  // guesses of which nothing was right, in a row
  std::size_t pause_ = 0;
};

}  // namespace transom::generation
