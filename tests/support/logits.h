// SPDX-License-Identifier: Apache-2.0
/// Texts for the bundled story model, and how far two answers of a model lie apart.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "transom/transom.h"

namespace transom::testing {

inline std::vector<TokenId> some_ids(std::size_t n) {
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < n; ++i) ids.push_back(static_cast<TokenId>((i * 37 + 11) % 2048));
  return ids;
}

inline double largest_difference(const Logits& a, const Logits& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i)
    worst = std::max(worst, std::fabs(static_cast<double>(a.values[i]) - static_cast<double>(b.values[i])));
  return worst;
}

}  // namespace transom::testing
