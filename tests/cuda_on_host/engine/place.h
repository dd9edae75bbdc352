// SPDX-License-Identifier: Apache-2.0
/// Where in the source of a kernel something happened. (std::source_location needs clang 15.)
#pragma once

#include <cstdint>
#include <string>

namespace transom::cuda_on_host {

struct Place {
  const char* file = "";
  unsigned line = 0;

  /// As a default argument: the place of the call.
  static constexpr Place here(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }
};

/// A place as a small number, from 1 on; 0: none. Under the lock of the device.
using Site = std::uint32_t;
Site site_of(const Place& place);
const Place& place_of(Site site);

/// "matmul.cu:120"
std::string to_string(const Place& place);
inline std::string to_string(Site site) { return to_string(place_of(site)); }

}  // namespace transom::cuda_on_host
