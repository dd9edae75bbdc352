// SPDX-License-Identifier: Apache-2.0
/// A few threads that start a piece of work together, and memory in large pages.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <thread>
#include <vector>

namespace transom::bench {

/// Keeps the compiler from dropping what was computed.
inline void keep(const void* p) { asm volatile("" : : "r"(p) : "memory"); }

/// Workers spin between pieces of work, so that a start costs well below a microsecond. One caller at a time.
class Threads {
 public:
  explicit Threads(std::size_t count) : count_(count) {
    for (std::size_t i = 1; i < count; ++i) workers_.emplace_back([this, i] { work(i); });
  }
  ~Threads() {
    stop_ = true;
    epoch_.fetch_add(1, std::memory_order_release);
    for (std::thread& worker : workers_) worker.join();
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  std::size_t size() const { return count_; }

  /// Runs body(thread) on every thread, returns when all are done.
  void run(const std::function<void(std::size_t)>& body) {
    body_ = &body;
    left_.store(count_ - 1, std::memory_order_relaxed);
    epoch_.fetch_add(1, std::memory_order_release);
    body(0);
    while (left_.load(std::memory_order_acquire) != 0) pause();
  }

  /// Seconds of one run.
  double time(const std::function<void(std::size_t)>& body) {
    const auto start = std::chrono::steady_clock::now();
    run(body);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  static void pause() { __builtin_ia32_pause(); }

  void work(std::size_t index) {
    for (std::size_t seen = 0;;) {
      while (epoch_.load(std::memory_order_acquire) == seen) pause();
      ++seen;
      if (stop_) return;
      (*body_)(index);
      left_.fetch_sub(1, std::memory_order_release);
    }
  }

  std::size_t count_;
  std::vector<std::thread> workers_;
  const std::function<void(std::size_t)>* body_ = nullptr;
  std::atomic<std::size_t> epoch_{0}, left_{0};
  std::atomic<bool> stop_{false};
};

/// Memory in huge pages where the system grants them, written once so that reads reach real pages.
class PageBuffer {
 public:
  explicit PageBuffer(std::size_t bytes) : bytes_((bytes + kPage - 1) / kPage * kPage) {
    data_ = static_cast<char*>(std::aligned_alloc(kPage, bytes_));
    if (data_ == nullptr) throw std::bad_alloc();
    madvise(data_, bytes_, MADV_HUGEPAGE);
    std::memset(data_, 1, bytes_);
  }
  ~PageBuffer() { std::free(data_); }
  PageBuffer(const PageBuffer&) = delete;
  PageBuffer& operator=(const PageBuffer&) = delete;

  char* data() { return data_; }
  std::size_t size() const { return bytes_; }

 private:
  static constexpr std::size_t kPage = std::size_t{2} << 20;
  std::size_t bytes_;
  char* data_ = nullptr;
};

}  // namespace transom::bench
