// SPDX-License-Identifier: Apache-2.0
#include "compress/calibration.h"

#include <algorithm>

#include "core/count.h"

namespace transom::compress {

using core::count;

std::vector<std::int32_t> cut_sequences(std::span<const std::int32_t> ids, std::int64_t samples,
                                        std::int64_t length, std::optional<std::int32_t> first) {
  const std::int64_t own = length - (first ? 1 : 0), size = static_cast<std::int64_t>(ids.size());
  const std::int64_t sequences = own < 1 ? 0 : std::min(samples, size / own);
  std::vector<std::int32_t> result;
  for (std::int64_t i = 0; i < sequences; ++i) {
    if (first) result.push_back(*first);
    const std::int64_t begin = sequences == 1 ? 0 : (size - own) * i / (sequences - 1);
    const auto part = ids.subspan(count(begin), count(own));
    result.insert(result.end(), part.begin(), part.end());
  }
  return result;
}

}  // namespace transom::compress
