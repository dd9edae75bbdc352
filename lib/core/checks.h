// SPDX-License-Identifier: Apache-2.0
/// Message building for typed errors: `throw FormatError(core::message(path, ": expected ", n, " bytes"))`.
#pragma once

#include <locale>
#include <sstream>
#include <string>

namespace transom::core {

/// Concatenates anything that can be streamed. Used on error paths only.
template <typename... Parts>
std::string message(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  (out << ... << parts);
  return out.str();
}

}  // namespace transom::core
