// SPDX-License-Identifier: Apache-2.0
#include "backend/cpu/weight_ahead.h"

#include <algorithm>

#include "core/count.h"
#include "kernels/common/panel_layout.h"

namespace transom::backend {

namespace {

constexpr std::size_t kLine = 64;
// About what a core reads from memory between two looks at what it waits for.
constexpr std::size_t kTurnBytes = 8 * kLine;
// Half of the smallest second cache that matters (Zen 3).
constexpr std::size_t kMostBytes = std::size_t{256} << 10;

}  // namespace

void WeightAhead::follow(const kernels::PackedWeight& weight) {
  const char* const data = static_cast<const char*>(weight.data);
  if (last_ != nullptr) {
    followers_[last_] = {data, kernels::panel_bytes(weight.type, weight.k), kernels::panel_count(weight.n)};
  }
  last_ = data;
  const auto follower = followers_.find(data);
  const Stream next = follower == followers_.end() ? Stream{} : follower->second;
  data_.store(next.data, std::memory_order_relaxed);
  panel_bytes_.store(next.panel_bytes, std::memory_order_relaxed);
  panels_.store(next.panels, std::memory_order_relaxed);
}

WeightAhead::Lines WeightAhead::lines(int thread, int n_threads, int turn) const noexcept {
  const std::size_t panels = panels_.load(std::memory_order_relaxed), n = core::count(n_threads);
  const std::size_t panel_bytes = panel_bytes_.load(std::memory_order_relaxed);
  const std::size_t first = panels * core::count(thread) / n * panel_bytes;
  const std::size_t end = std::min(panels * core::count(thread + 1) / n * panel_bytes, first + kMostBytes);
  const std::size_t begin = std::min(first + core::count(turn) * kTurnBytes, end);
  const char* const data = data_.load(std::memory_order_relaxed);
  return {data + begin, data + std::min(begin + kTurnBytes, end)};
}

void WeightAhead::fetch(int thread, int n_threads, int turn) const noexcept {
  const Lines ahead = lines(thread, n_threads, turn);
  for (const char* line = ahead.begin; line < ahead.end; line += kLine) __builtin_prefetch(line, 0, 2);
}

}  // namespace transom::backend
