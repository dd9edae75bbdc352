// SPDX-License-Identifier: Apache-2.0
#include "backend/cpu/weight_ahead.h"

#include <vector>

#include "kernels/common/panel_layout.h"
#include "tests/support/catch.h"

using namespace transom;
using backend::WeightAhead;

namespace {

kernels::PackedWeight weight(const char* data, std::size_t n, std::size_t k) {
  kernels::PackedWeight w;
  w.type = kernels::WeightType::i8;
  w.n = n;
  w.k = k;
  w.data = data;
  return w;
}

std::size_t bytes_of(const WeightAhead& ahead, int thread, int n_threads) {
  std::size_t bytes = 0;
  for (int turn = 0;; ++turn) {
    const WeightAhead::Lines lines = ahead.lines(thread, n_threads, turn);
    if (lines.begin == lines.end) return bytes;
    bytes += static_cast<std::size_t>(lines.end - lines.begin);
  }
}

}  // namespace

TEST_CASE("what is fetched ahead is what followed a weight before, each thread's own part") {
  const std::vector<char> memory(3 * 64 * 256);
  const kernels::PackedWeight first = weight(memory.data(), 64, 64), second = weight(&memory[4096], 192, 64);
  WeightAhead ahead;
  CHECK(bytes_of(ahead, 0, 2) == 0);
  ahead.follow(first);
  CHECK(bytes_of(ahead, 0, 2) == 0);  // nothing is known yet
  ahead.follow(second);
  ahead.follow(first);
  const std::size_t panel = kernels::panel_bytes(second.type, second.k);
  const char* const data = static_cast<const char*>(second.data);
  CHECK(ahead.lines(0, 2, 0).begin == data);
  CHECK(ahead.lines(1, 2, 0).begin == data + panel);
  CHECK(ahead.lines(0, 2, 1).begin == ahead.lines(0, 2, 0).end);
  CHECK(bytes_of(ahead, 0, 2) == panel);
  CHECK(bytes_of(ahead, 1, 2) == 2 * panel);
  CHECK(bytes_of(ahead, 3, 4) == panel);
  for (int turn = 0; turn < 100; ++turn) ahead.fetch(1, 2, turn);
}

TEST_CASE("what is fetched ahead is a part of the second cache, and may be gone") {
  WeightAhead ahead;
  const kernels::PackedWeight small = weight(reinterpret_cast<const char*>(64), 64, 64);
  const kernels::PackedWeight large = weight(reinterpret_cast<const char*>(4096), 1 << 20, 4096);
  for (int i = 0; i < 2; ++i) {
    ahead.follow(small);
    ahead.follow(large);
  }
  ahead.follow(small);
  CHECK(bytes_of(ahead, 0, 2) == 256 << 10);
  for (int turn = 0; turn < 1000; ++turn) ahead.fetch(0, 2, turn);
}
