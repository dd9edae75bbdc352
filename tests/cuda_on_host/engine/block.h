// SPDX-License-Identifier: Apache-2.0
/// The block that runs: its fibers, its shared memory, and who waits for whom.
#pragma once

#include <array>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tests/cuda_on_host/engine/execution.h"
#include "tests/cuda_on_host/engine/fiber.h"
#include "tests/cuda_on_host/engine/race_detector.h"

namespace transom::cuda_on_host {

inline constexpr unsigned kLanes = 32;

/// 4 or 16 bytes on their way to shared memory.
struct Copy {
  std::size_t offset, bytes;
  unsigned char data[16];
  Place place;
};

struct Thread {
  Fiber fiber;
  unsigned index = 0, lane = 0;
  bool finished = true;
  const char* waits_for = nullptr;
  Site waits_at = 0;
  std::vector<Access> log;
  std::vector<Copy> open_copies;
  std::deque<std::vector<Copy>> copy_groups;  // oldest first
};

/// Lanes as bits.
struct Warp {
  std::uint32_t runnable = 0, arrived = 0;
  const char* meets_for = nullptr;
  Site meets_at = 0;
  std::array<void*, kLanes> operands{};
};

class Block {
 public:
  Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block();

  void begin_launch(const Launch& launch);
  /// Runs the block that blockIdx names to its end; false when it failed.
  bool run();

  // By threads of the block.
  void meet_block(const Place& place);
  void meet_warp(const char* what, const Place& place, void* operand, Combine combine);
  [[noreturn]] void fail(const std::string& what);
  void report(const std::string& what) const;

  Thread& current() { return *current_; }
  const Launch& launch() const { return *launch_; }
  RaceDetector& races() { return races_; }
  unsigned char* shared() { return shared_; }
  std::size_t shared_offset(const void* address) const {
    return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(shared_);
  }

 private:
  static void thread_main();
  void prepare_fibers(std::size_t n);
  void fill_shared();
  void check_shared_end();
  void finish_thread();
  /// Lets another thread run, or run() when none can.
  void leave();
  void wait(const char* what, Site site);
  void count_warp(std::size_t warp);
  std::string describe_waiting() const;

  const Launch* launch_ = nullptr;
  Tallies* tallies_ = nullptr;  // of its kernel
  Fiber outside_;               // where run() is
  Thread* current_ = nullptr;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::vector<Warp> warps_;
  std::size_t n_threads_ = 0, prepared_ = 0;  // of this launch; with a fiber that is ready
  std::size_t finished_ = 0, at_barrier_ = 0;
  std::string failure_;
  RaceDetector races_;
  unsigned char* stacks_ = nullptr;
  unsigned char* shared_ = nullptr;
};

}  // namespace transom::cuda_on_host
