// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <unordered_map>

#include "kernels/common/linear_args.h"

namespace transom::backend {

/// The weight that the next product will read: threads that wait for others fetch its first bytes to the
/// second cache. A decode step reads memory all the time but at its seams, where the last panels of a product
/// end unevenly and one thread makes a norm; so the seams read as well. (2 cores of an Emerald Rapids class
/// Xeon, 2026-11, 1.5B in int4: 1.4 % more of the read bandwidth at depth 0, 3 % at depth 2048.)
///
/// What follows a weight is what followed it before. The addresses are hints: fetching memory that is no
/// longer there does nothing. follow() is called on one thread, the others on all, at any time.
class WeightAhead {
 public:
  struct Lines {
    const char *begin = nullptr, *end = nullptr;
  };

  /// A product of this weight begins.
  void follow(const kernels::PackedWeight& weight);

  /// What a thread fetches in its turn, of what it will read first; empty after the last turn.
  Lines lines(int thread, int n_threads, int turn) const noexcept;
  void fetch(int thread, int n_threads, int turn) const noexcept;

 private:
  struct Stream {
    const char* data = nullptr;
    std::size_t panel_bytes = 0, panels = 0;
  };
  std::unordered_map<const void*, Stream> followers_;  // by the data of the weight before
  const void* last_ = nullptr;
  // Of the weight to be fetched. Reading one of them late costs a useless fetch.
  std::atomic<const char*> data_{nullptr};
  std::atomic<std::size_t> panel_bytes_{0}, panels_{0};
};

}  // namespace transom::backend
