// SPDX-License-Identifier: Apache-2.0
#include "generation/stop_strings.h"

#include <algorithm>

namespace transom::generation {

std::string_view StopStrings::push(std::string_view piece) {
  if (found_) return {};
  if (stops_.empty()) return piece;
  held_.erase(0, given_);
  held_ += piece;
  given_ = held_.size();
  for (const std::string& stop : stops_) {
    const std::size_t at = held_.find(stop);
    if (at == held_.npos) continue;
    found_ = true;
    given_ = std::min(given_, at);
  }
  if (!found_) given_ = held_.size() - longest_open_suffix();
  return std::string_view(held_).substr(0, given_);
}

std::string_view StopStrings::finish() {
  if (found_) return {};
  held_.erase(0, given_);
  given_ = held_.size();
  return held_;
}

/// Length of the longest end of the held text that begins some stop string.
std::size_t StopStrings::longest_open_suffix() const {
  std::size_t longest = 0;
  for (const std::string& stop : stops_) {
    for (std::size_t n = std::min(stop.size() - 1, held_.size()); n > longest; --n) {
      if (std::string_view(held_).substr(held_.size() - n) == std::string_view(stop).substr(0, n))
        longest = n;
    }
  }
  return longest;
}

}  // namespace transom::generation
