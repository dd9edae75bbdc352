// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_on_host/engine/block.h"

#include <sys/mman.h>

#include <bit>
#include <new>

#include "tests/cuda_on_host/engine/failures.h"

namespace transom::cuda_on_host {
namespace {

// Address space; what is touched is a page or two. The sanitizers' frames are several times larger.
constexpr std::size_t kStackBytes = 256 * 1024, kGuardBytes = 4096;
// Tops at different distances from their pages, which else fall on the same sets of the cache.
constexpr std::size_t stack_shift(std::size_t thread) { return thread % 31 * 128; }

constexpr std::size_t kSharedAlignment = 1024, kSharedGuard = 1024;
constexpr unsigned char kUndefined = 0xff;  // bits that are no number in every format
constexpr unsigned char kGuard = 0xa5;

Block* running = nullptr;

/// Thrown by a thread of the block; its stack is unwound, those of the others hold nothing that would need
/// it.
struct Failure {
  std::string what;
};

}  // namespace

Block::Block() {
  stacks_ = static_cast<unsigned char*>(mmap(nullptr, kMostThreads * kStackBytes, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (stacks_ == MAP_FAILED) throw std::bad_alloc();
  for (std::size_t i = 0; i < kMostThreads; ++i) mprotect(stacks_ + i * kStackBytes, kGuardBytes, PROT_NONE);
  shared_ = static_cast<unsigned char*>(
      ::operator new (kMostSharedBytes + kSharedGuard, std::align_val_t{kSharedAlignment}));
}

Block::~Block() {
  munmap(stacks_, kMostThreads * kStackBytes);
  ::operator delete (shared_, std::align_val_t{kSharedAlignment});
}

void Block::prepare_fibers(std::size_t n) {
  while (threads_.size() < n) {
    threads_.push_back(std::make_unique<Thread>());
    threads_.back()->index = static_cast<unsigned>(threads_.size() - 1);
    threads_.back()->lane = threads_.back()->index % kLanes;
  }
  for (; prepared_ < n; ++prepared_) {
    unsigned char* stack = stacks_ + prepared_ * kStackBytes + kGuardBytes;
    threads_[prepared_]->fiber.prepare(stack, kStackBytes - kGuardBytes - stack_shift(prepared_),
                                       thread_main);
  }
}

void Block::begin_launch(const Launch& launch) {
  launch_ = &launch;
  n_threads_ = launch.block.x;
  warps_.resize(n_threads_ / kLanes);
  tallies_ = &tallies_of(launch.kernel);
  races_.begin_launch(launch.kernel, launch.shared_bytes);
}

void Block::fill_shared() {
  std::memset(shared_, kUndefined, launch_->shared_bytes);
  std::memset(shared_ + launch_->shared_bytes, kGuard, kSharedGuard);
}

void Block::check_shared_end() {
  for (std::size_t i = 0; i < kSharedGuard; ++i)
    if (shared_[launch_->shared_bytes + i] != kGuard) {
      report("writes " + std::to_string(i) + " bytes behind the block's shared memory");
      return;
    }
}

bool Block::run() {
  prepare_fibers(n_threads_);
  fill_shared();
  races_.begin_block();
  failure_.clear();
  finished_ = at_barrier_ = 0;
  for (std::size_t i = 0; i < n_threads_; ++i) {
    Thread& thread = *threads_[i];
    thread.finished = false;
    thread.waits_for = nullptr;
    thread.log.clear();
    thread.open_copies.clear();
    thread.copy_groups.clear();
  }
  for (Warp& warp : warps_) warp = {~std::uint32_t{0}, 0, nullptr, 0, {}};
  running = this;
  current_ = threads_[0].get();
  threadIdx = {0, 0, 0};
  current_->fiber.resume_from(outside_);
  if (failure_.empty() && finished_ < n_threads_) failure_ = describe_waiting();
  if (!failure_.empty()) {
    report(failure_);
    prepared_ = 0;  // the fibers are in the middle of something
    return false;
  }
  for (std::size_t warp = 0; warp < warps_.size(); ++warp) count_warp(warp);
  check_shared_end();
  return true;
}

void Block::thread_main() {
  Fiber::entered();
  for (;;) {
    try {
      running->launch_->body(running->launch_->context);
      running->finish_thread();
    } catch (const Failure& failure) {
      running->failure_ = failure.what;
    }
    // Never resumed after a failure.
    if (!running->failure_.empty()) running->outside_.resume_from(running->current_->fiber);
  }
}

void Block::finish_thread() {
  Thread& thread = *current_;
  if (!thread.open_copies.empty())
    fail("thread " + std::to_string(thread.index) + " ends with copies not committed");
  for (const std::vector<Copy>& group : thread.copy_groups)
    if (!group.empty())
      fail("thread " + std::to_string(thread.index) + " ends and has not waited for its cp_async at " +
           to_string(group.front().place));
  thread.finished = true;
  ++finished_;
  leave();
}

void Block::leave() {
  Thread& self = *current_;
  const std::size_t warp = self.index / kLanes;
  warps_[warp].runnable &= ~(std::uint32_t{1} << self.lane);
  for (std::size_t i = 0; i < warps_.size(); ++i) {
    const std::size_t next = warp + i < warps_.size() ? warp + i : warp + i - warps_.size();
    const std::uint32_t runnable = warps_[next].runnable;
    if (runnable == 0) continue;
    current_ = threads_[next * kLanes + static_cast<std::size_t>(std::countr_zero(runnable))].get();
    threadIdx.x = current_->index;
    current_->fiber.resume_from(self.fiber);
    return;
  }
  outside_.resume_from(self.fiber);
}

void Block::wait(const char* what, Site site) {
  current_->waits_for = what;
  current_->waits_at = site;
  leave();
}

void Block::meet_block(const Place& place) {
  if (++at_barrier_ < n_threads_) {
    wait("block_sync", site_of(place));
    return;
  }
  at_barrier_ = 0;
  races_.block_barrier();
  for (std::size_t warp = 0; warp < warps_.size(); ++warp) {
    count_warp(warp);
    warps_[warp].runnable = ~std::uint32_t{0};
  }
}

void Block::meet_warp(const char* what, const Place& place, void* operand, Combine combine) {
  Warp& warp = warps_[current_->index / kLanes];
  const Site site = site_of(place);
  if (warp.arrived == 0) {
    warp.meets_for = what;
    warp.meets_at = site;
  } else if (warp.meets_at != site) {
    fail("lanes of warp " + std::to_string(current_->index / kLanes) + " part: some are at " +
         warp.meets_for + " at " + to_string(warp.meets_at) + ", thread " + std::to_string(current_->index) +
         " is at " + what + " at " + to_string(place));
  }
  warp.operands[current_->lane] = operand;
  warp.arrived |= std::uint32_t{1} << current_->lane;
  if (warp.arrived != ~std::uint32_t{0}) {
    wait(what, site);
    return;
  }
  count_warp(current_->index / kLanes);
  combine(warp.operands.data());
  warp.arrived = 0;
  warp.runnable = ~std::uint32_t{0};
}

void Block::count_warp(std::size_t warp) {
  std::array<std::vector<Access>*, kLanes> logs;
  for (std::size_t lane = 0; lane < kLanes; ++lane) logs[lane] = &threads_[warp * kLanes + lane]->log;
  count_accesses(*tallies_, logs);
}

std::string Block::describe_waiting() const {
  std::string text = "nothing goes on:";
  std::size_t first = 0;
  const auto state = [&](std::size_t i) {
    const Thread& thread = *threads_[i];
    return thread.finished
               ? std::string("have returned")
               : std::string("wait for ") + thread.waits_for + " at " + to_string(thread.waits_at);
  };
  for (std::size_t i = 1; i <= n_threads_; ++i) {
    if (i < n_threads_ && state(i) == state(first)) continue;
    text += " threads " + std::to_string(first) + " .. " + std::to_string(i - 1) + " " + state(first) + ";";
    first = i;
  }
  text.back() = '.';
  return text;
}

void Block::report(const std::string& what) const {
  report_failure(launch_->kernel + ", block (" + std::to_string(blockIdx.x) + ", " +
                 std::to_string(blockIdx.y) + ", " + std::to_string(blockIdx.z) + "): " + what);
}

void Block::fail(const std::string& what) { throw Failure{what}; }

}  // namespace transom::cuda_on_host
