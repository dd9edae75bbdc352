// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <vector>

namespace transom::core {

/// Items that threads take piece by piece: each from its own contiguous range, and from those of others once
/// that is empty. Cores are seldom equally fast for the microseconds of a product: with fixed ranges, each
/// waits for the slower one at the end. A piece is an eighth of what is left of a range, since each that is
/// taken interrupts the stream of memory, and only the last ones need to be small.
class SharedRanges {
 public:
  struct Range {
    std::size_t begin = 0, end = 0;
    explicit operator bool() const { return begin < end; }
  };

  explicit SharedRanges(int n_threads) : parts_(static_cast<std::size_t>(n_threads)) {}

  /// Before the threads start: [0, count), to be taken at least `least` items at a time.
  void reset(std::size_t count, std::size_t least) {
    least_ = least;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      parts_[i].next.store(count * i / parts_.size(), std::memory_order_relaxed);
      parts_[i].end = count * (i + 1) / parts_.size();
    }
  }

  /// The next piece for a thread; empty when all are taken.
  Range take(std::size_t thread) {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      Part& part = parts_[(thread + i) % parts_.size()];
      const std::size_t next = part.next.load(std::memory_order_relaxed);
      if (next >= part.end) continue;
      const std::size_t piece = std::max(least_, (part.end - next) / 8);
      const std::size_t begin = part.next.fetch_add(piece, std::memory_order_relaxed);
      if (begin < part.end) return {begin, std::min(begin + piece, part.end)};
    }
    return {};
  }

 private:
  struct alignas(64) Part {  // a cache line each
    std::atomic<std::size_t> next{0};
    std::size_t end = 0;
  };

  std::vector<Part> parts_;
  std::size_t least_ = 1;
};

}  // namespace transom::core
