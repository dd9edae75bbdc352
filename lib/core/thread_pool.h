// SPDX-License-Identifier: Apache-2.0
/// The threads of one model.
///
/// A call from any application thread hands its work to the pool and sleeps: run(job) executes the job on
/// thread 0, and inside it parallel(f) executes f(thread, n_threads) on all of them. So the application's own
/// threads are never pinned, calls from many sessions take turns and never oversubscribe the cores, and
/// thread-local settings of libraries (oneDNN's OpenMP thread count) never leak into the host.
///
/// Invariants: jobs run one at a time, in the order of their calls. parallel() is only called inside a job,
/// on thread 0, and never nested. An exception of a job, or of any share of a parallel section, comes back
/// from run(). Neither call allocates memory.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace transom::core {

class ThreadPool {
 public:
  /// What a thread does between looks at what it waits for, while it expects more work: short, on any thread
  /// at any time, beside the job's own code. turn: how many went before in this wait.
  struct Waiting {
    void (*call)(const void* context, int thread, int n_threads, int turn) noexcept;
    const void* context;
  };

  /// @param n_threads 0 = one per core that this process may use (hyperthreads of one core count once).
  /// @param pin Keeps each thread on a core of its own, where there are enough cores.
  /// @throws InvalidArgument for a count outside [0, 1024]; DeviceError when a thread can not be started.
  ThreadPool(int n_threads, bool pin, Waiting waiting = {});
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  int size() const { return n_threads_; }

  template <typename Job>
  void run(Job&& job) {
    run_erased({[](void* context, int, int) { (*static_cast<std::remove_reference_t<Job>*>(context))(); },
                address(job)});
  }

  template <typename Share>
  void parallel(Share&& share) {
    parallel_erased({[](void* context, int thread, int n) {
                       (*static_cast<std::remove_reference_t<Share>*>(context))(thread, n);
                     },
                     address(share)});
  }

  /// Splits [0, count) into one contiguous range a thread and calls f(begin, end) for the ranges that are not
  /// empty.
  template <typename Range>
  void parallel_ranges(std::size_t count, Range&& range) {
    if (count == 1 || n_threads_ == 1) {
      if (count > 0) range(std::size_t{0}, count);
      return;
    }
    parallel([&](int thread, int n) {
      const std::size_t begin = count * static_cast<std::size_t>(thread) / static_cast<std::size_t>(n);
      const std::size_t end = count * static_cast<std::size_t>(thread + 1) / static_cast<std::size_t>(n);
      if (begin < end) range(begin, end);
    });
  }

 private:
  struct Task {
    void (*call)(void* context, int thread, int n_threads) = nullptr;
    void* context = nullptr;
  };

  template <typename F>
  static void* address(F& f) {
    return const_cast<void*>(static_cast<const void*>(&f));
  }

  void run_erased(Task job);
  void parallel_erased(Task share);
  void conductor_loop();
  void worker_loop(int thread);
  std::uint32_t wait_change(const std::atomic<std::uint32_t>& value, std::uint32_t old, int thread) const;
  void keep_exception() noexcept;
  void stop() noexcept;

  int n_threads_;
  const Waiting waiting_;
  std::vector<std::thread> threads_;

  // Hand-over of jobs; all guarded by mutex_. Tickets make the turns fair.
  std::mutex mutex_;
  std::condition_variable turn_, job_ready_, job_done_;
  std::uint64_t next_ticket_ = 0, now_serving_ = 0;
  Task job_;
  bool job_pending_ = false, stopping_ = false;

  // Parallel sections: thread 0 writes share_, then advances epoch_; the others run it and count pending_
  // down.
  Task share_;
  alignas(64) std::atomic<std::uint32_t> epoch_{0};
  alignas(64) std::atomic<std::uint32_t> pending_{0};
  std::atomic<bool> quit_{false};

  std::mutex exception_mutex_;
  std::exception_ptr exception_;  // the first one of the running job
};

}  // namespace transom::core
