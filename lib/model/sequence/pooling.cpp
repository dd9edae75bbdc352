// SPDX-License-Identifier: Apache-2.0
#include "model/sequence/pooling.h"

#include <algorithm>
#include <cmath>

#include "core/count.h"
#include "transom/error.h"

namespace transom::model {

using core::count;

std::vector<float> embed(Sequence& sequence, std::span<const std::int32_t> ids, Pooling pooling,
                         bool normalize) {
  if (ids.empty()) throw InvalidArgument("embed: expected a text of at least one token, found none");
  sequence.check_ids(ids, 0);
  const std::size_t width = count(sequence.hidden()), chunk = count(sequence.chunk());
  std::vector<float> states(std::min(chunk, ids.size()) * width);
  std::vector<double> pooled(width);
  for (std::size_t begin = 0; begin < ids.size(); begin += chunk) {
    const std::size_t rows = std::min(chunk, ids.size() - begin);
    sequence.states(ids.subspan(begin, rows), std::span(states).first(rows * width));
    for (std::size_t row = 0; row < rows; ++row) {
      if (pooling == Pooling::first && begin + row > 0) break;
      if (pooling == Pooling::last && begin + row + 1 < ids.size()) continue;
      for (std::size_t i = 0; i < width; ++i) pooled[i] += static_cast<double>(states[row * width + i]);
    }
    if (pooling == Pooling::first) break;  // no token sees a later one
  }
  double divisor = pooling == Pooling::mean ? static_cast<double>(ids.size()) : 1;
  if (normalize) {
    double square = 0;
    for (const double value : pooled) square += value * value;
    divisor = square > 0 ? std::sqrt(square) : 1;
  }
  std::vector<float> result(width);
  std::ranges::transform(pooled, result.begin(),
                         [&](double value) { return static_cast<float>(value / divisor); });
  return result;
}

}  // namespace transom::model
