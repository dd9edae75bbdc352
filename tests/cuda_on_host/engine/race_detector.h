// SPDX-License-Identifier: Apache-2.0
/// Watches the shared memory of a block for accesses whose order nothing decides: two threads, the same
/// bytes, one of them writes, and no barrier between them (of the block, or warp_sync for lanes of a warp). A
/// copy by cp_async writes from when it is asked for until its thread waits for it; no one may touch its
/// bytes meanwhile.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/cuda_on_host/engine/place.h"

namespace transom::cuda_on_host {

class RaceDetector {
 public:
  /// For blocks with so much shared memory.
  void begin_launch(const std::string& kernel, std::size_t shared_bytes);
  void begin_block();
  void block_barrier() { ++block_time_; }
  void warp_barrier(std::size_t warp) { ++warp_time_[warp]; }

  // Bytes [offset, offset + bytes) of shared memory, by a thread. Return whether there was a race of which
  // race() tells: once for two places in a launch.
  bool read(std::size_t thread, std::size_t offset, std::size_t bytes, Site site);
  bool write(std::size_t thread, std::size_t offset, std::size_t bytes, Site site);
  bool begin_copy(std::size_t thread, std::size_t offset, std::size_t bytes, Site site);
  void end_copy(std::size_t thread, std::size_t offset, std::size_t bytes, Site site);
  const std::string& race() const { return race_; }

 private:
  struct Event {
    Site site = 0;
    std::uint32_t block_time = 0;  // 0: never
    std::uint32_t warp_time = 0;
    std::uint16_t thread = 0;
    bool copy = false;  // under way
  };
  /// The last write and two last readers, of different warps where there are such.
  struct Cell {
    Event written, read[2];
  };
  struct Cells {
    Cell* begin;
    Cell* end;
  };

  Cells cells(std::size_t offset, std::size_t bytes);
  void make_cells(std::size_t cell_bytes);
  Event now(std::size_t thread, Site site) const;
  bool under_way(const Event& event) const { return event.copy && event.block_time >= block_begin_; }
  bool in_order(const Event& before, const Event& now) const;
  bool check_write(const Cell& cell, const Event& now);
  bool tell(const char* what, const Event& before, const char* what_now, const Event& now);

  std::vector<Cell> cells_;
  std::size_t cell_bytes_ = 4;  // less once the kernel accesses less than words
  std::string kernel_;
  std::set<std::pair<std::string, std::size_t>> small_cells_;  // of kernels, known from earlier launches
  std::size_t shared_bytes_ = 0;
  std::uint32_t block_time_ = 1;  // grows for ever
  std::uint32_t block_begin_ = 1;
  std::array<std::uint32_t, 32> warp_time_{};
  std::set<std::pair<Site, Site>> told_;
  std::string race_;
};

}  // namespace transom::cuda_on_host
