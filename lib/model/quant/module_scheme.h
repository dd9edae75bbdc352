// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace transom::model {

/// What the integers of one module mean.
struct ModuleScheme {
  int bits = 0;
  std::int64_t group_size = -1;  // inputs that share a scale; -1 = all of a row
  bool act_order = false;        // the file must say which group an input belongs to
  bool zero_points = false;      // the file must have them, where the layout has files without
};

/// 8, 4, 3 or 2. @param path Where it stands, for messages. @throws FormatError, UnsupportedError.
int checked_bits(std::int64_t bits, const std::string& path);
/// -1 or a positive size. @throws FormatError.
std::int64_t checked_group_size(std::int64_t size, const std::string& path);

}  // namespace transom::model
