// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace transom::text::jinja {

/// A row of a table of functions by name.
template <typename Function>
struct Named {
  std::string_view name;
  Function function;
};

/// @return Null when the table has no such name.
template <typename Function, std::size_t N>
Function look_up(const Named<Function> (&table)[N], std::string_view name) {
  for (const Named<Function>& row : table) {
    if (row.name == name) return row.function;
  }
  return nullptr;
}

}  // namespace transom::text::jinja
