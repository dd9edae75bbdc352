// SPDX-License-Identifier: Apache-2.0
#include "core/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "core/checks.h"
#include "transom/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace transom::core {

namespace {

constexpr int kMaxThreads = 1024;
// A decode step is a few hundred short parallel sections, microseconds apart. Sleeping between them would
// cost a wake-up each (5-50 us in a virtual machine); spinning for about 50 us bridges the gaps and still
// gives the core back quickly when a job ends.
constexpr int kSpins = 4000;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

/// One usable CPU number for each physical core that this process may run on.
std::vector<int> usable_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return {};
  std::vector<int> cores;
  std::vector<std::string> seen;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::ifstream file(message("/sys/devices/system/cpu/cpu", cpu, "/topology/thread_siblings_list"));
    std::string siblings;
    if (!std::getline(file, siblings)) siblings = message("cpu", cpu);
    bool is_new = true;
    for (const std::string& other : seen) is_new = is_new && other != siblings;
    if (!is_new) continue;
    seen.push_back(siblings);
    cores.push_back(cpu);
  }
  return cores;
}

void pin_to(std::thread& thread, int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  // A refusal (a container that changed its mind) costs speed, not correctness.
  (void)::pthread_setaffinity_np(thread.native_handle(), sizeof set, &set);
}

}  // namespace

ThreadPool::ThreadPool(int n_threads, bool pin, Waiting waiting) : n_threads_(n_threads), waiting_(waiting) {
  if (n_threads < 0 || n_threads > kMaxThreads) {
    throw InvalidArgument(
        message("threads: expected 0 (every core) to ", kMaxThreads, ", found ", n_threads));
  }
  const std::vector<int> cores = usable_cores();
  if (n_threads_ == 0) n_threads_ = cores.empty() ? 1 : static_cast<int>(cores.size());
  threads_.reserve(static_cast<std::size_t>(n_threads_));
  try {
    threads_.emplace_back([this] { conductor_loop(); });
    for (int i = 1; i < n_threads_; ++i) threads_.emplace_back([this, i] { worker_loop(i); });
  } catch (const std::system_error& error) {
    stop();
    throw DeviceError(
        message("cannot start thread ", threads_.size() + 1, " of ", n_threads_, ": ", error.what()));
  }
  if (pin && static_cast<std::size_t>(n_threads_) <= cores.size()) {
    for (std::size_t i = 0; i < threads_.size(); ++i) pin_to(threads_[i], cores[i]);
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  job_ready_.notify_all();
  quit_.store(true, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ThreadPool::run_erased(Task job) {
  std::unique_lock lock(mutex_);
  const std::uint64_t ticket = next_ticket_++;
  turn_.wait(lock, [&] { return now_serving_ == ticket; });
  job_ = job;
  job_pending_ = true;
  job_ready_.notify_one();
  job_done_.wait(lock, [&] { return !job_pending_; });
  std::exception_ptr exception;
  std::swap(exception, exception_);
  ++now_serving_;
  turn_.notify_all();
  lock.unlock();
  if (exception) std::rethrow_exception(exception);
}

void ThreadPool::conductor_loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    job_ready_.wait(lock, [&] { return job_pending_ || stopping_; });
    if (!job_pending_) return;
    const Task job = job_;
    lock.unlock();
    try {
      job.call(job.context, 0, n_threads_);
    } catch (...) {
      keep_exception();
    }
    lock.lock();
    job_pending_ = false;
    job_done_.notify_one();
  }
}

/// Waits until `value` differs from `old`.
std::uint32_t ThreadPool::wait_change(const std::atomic<std::uint32_t>& value, std::uint32_t old,
                                      int thread) const {
  for (int spin = 0; spin < kSpins; ++spin) {
    const std::uint32_t now = value.load(std::memory_order_acquire);
    if (now != old) return now;
    if (waiting_.call != nullptr) waiting_.call(waiting_.context, thread, n_threads_, spin);
    pause();
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

void ThreadPool::parallel_erased(Task share) {
  if (n_threads_ == 1) {
    share.call(share.context, 0, 1);
    return;
  }
  share_ = share;
  pending_.store(static_cast<std::uint32_t>(n_threads_ - 1), std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  std::exception_ptr own;
  try {
    share.call(share.context, 0, n_threads_);
  } catch (...) {
    own = std::current_exception();
  }
  // The shares of other threads refer to the caller's frame: they must end before it may.
  std::uint32_t left = pending_.load(std::memory_order_acquire);
  while (left != 0) left = wait_change(pending_, left, 0);
  if (own) std::rethrow_exception(own);
  const std::lock_guard lock(exception_mutex_);
  if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
}

void ThreadPool::worker_loop(int thread) {
  std::uint32_t seen = 0;
  while (true) {
    seen = wait_change(epoch_, seen, thread);
    if (quit_.load(std::memory_order_relaxed)) return;
    try {
      share_.call(share_.context, thread, n_threads_);
    } catch (...) {
      keep_exception();
    }
    if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_one();
  }
}

void ThreadPool::keep_exception() noexcept {
  const std::lock_guard lock(exception_mutex_);
  if (!exception_) exception_ = std::current_exception();
}

}  // namespace transom::core
