// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "model/cache/kv_cache.h"

namespace transom::model {

/// Consecutive tokens of one text within the rows of a forward call.
struct TokenRun {
  const KvCache* cache = nullptr;
  std::int64_t first_position = 0;  // of the first token in its text
  std::int64_t row = 0;             // where the tokens stand among the rows
  std::int64_t rows = 0;
};

}  // namespace transom::model
