// SPDX-License-Identifier: Apache-2.0
#include "model/quant/module_scheme.h"

#include "core/checks.h"
#include "transom/error.h"

namespace transom::model {

using core::message;

int checked_bits(std::int64_t bits, const std::string& path) {
  if (bits == 8 || bits == 4 || bits == 3 || bits == 2) return static_cast<int>(bits);
  if (bits < 1 || bits > 32) throw FormatError(message(path, ": expected a count of bits, found ", bits));
  throw UnsupportedError(message(path, ": ", bits, " bits are not supported (8, 4, 3 and 2 are)"));
}

std::int64_t checked_group_size(std::int64_t size, const std::string& path) {
  if (size != -1 && size < 1)
    throw FormatError(message(path, ": expected -1 or a positive size, found ", size));
  return size;
}

}  // namespace transom::model
