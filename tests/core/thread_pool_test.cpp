// SPDX-License-Identifier: Apache-2.0
#include "core/thread_pool.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/shared_ranges.h"
#include "tests/support/catch.h"
#include "transom/error.h"

using transom::core::ThreadPool;

TEST_CASE("thread pool: every share of a section runs once") {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads, false);
    REQUIRE(pool.size() == threads);
    std::vector<int> hits(static_cast<std::size_t>(threads), 0);
    pool.run([&] {
      for (int round = 0; round < 1000; ++round) {
        pool.parallel([&](int thread, int n) {
          if (n == threads) ++hits[static_cast<std::size_t>(thread)];
        });
      }
    });
    for (const int count : hits) CHECK(count == 1000);
  }
}

TEST_CASE("thread pool: a thread that waits for others says so again and again") {
  struct Seen {
    std::atomic<int> turn{-1};
    std::atomic<bool> in_order{true};
  } seen;
  const auto note = [](const void* context, int thread, int n_threads, int turn) noexcept {
    Seen& here = *static_cast<Seen*>(const_cast<void*>(context));
    if (thread != 1) return;
    if (n_threads != 2 || (turn != 0 && turn != here.turn + 1)) here.in_order = false;
    here.turn = turn;
  };
  ThreadPool pool(2, false, {note, &seen});
  pool.run([&] {
    pool.parallel([&](int thread, int) {
      while (thread == 0 && seen.turn < 3) std::this_thread::yield();
    });
  });
  CHECK(seen.in_order);
}

TEST_CASE("thread pool: ranges cover everything without overlap") {
  ThreadPool pool(3, true);
  for (const std::size_t count : {0u, 1u, 2u, 3u, 7u, 100u}) {
    std::vector<std::atomic<int>> hits(count);
    pool.run([&] {
      pool.parallel_ranges(count, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) ++hits[i];
      });
    });
    for (const auto& hit : hits) CHECK(hit == 1);
  }
}

TEST_CASE("thread pool: jobs of many callers take turns") {
  ThreadPool pool(2, false);
  int inside = 0, most = 0, total = 0;  // only touched inside jobs
  std::vector<std::thread> callers;
  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        pool.run([&] {
          most = std::max(most, ++inside);
          pool.parallel([](int, int) {});
          ++total;
          --inside;
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(most == 1);
  CHECK(total == 1200);
}

TEST_CASE("thread pool: exceptions come back to the caller, and the pool goes on") {
  ThreadPool pool(3, false);
  CHECK_THROWS_AS(pool.run([] { throw std::runtime_error("job"); }), std::runtime_error);
  for (int who = 0; who < 3; ++who) {
    CHECK_THROWS_AS(pool.run([&] {
      pool.parallel([&](int thread, int) {
        if (thread == who) throw transom::InvalidArgument("share");
      });
    }),
                    transom::InvalidArgument);
  }
  bool ran = false;
  pool.run([&] { ran = true; });
  CHECK(ran);
}

TEST_CASE("thread pool: impossible counts are refused") {
  CHECK_THROWS_AS(ThreadPool(-1, false), transom::InvalidArgument);
  CHECK_THROWS_AS(ThreadPool(100000, false), transom::InvalidArgument);
  CHECK(ThreadPool(0, false).size() >= 1);
}

TEST_CASE("shared ranges: everything is taken once, by whoever comes") {
  constexpr int kThreads = 3;
  ThreadPool pool(kThreads, false);
  transom::core::SharedRanges ranges(kThreads);
  for (const std::size_t count : {0u, 1u, 2u, 3u, 7u, 100u}) {
    for (const std::size_t least : {1u, 2u, 5u, 100u}) {
      for (const int workers : {1, kThreads}) {  // one alone takes what the others leave
        std::vector<std::atomic<int>> hits(count);
        ranges.reset(count, least);
        pool.run([&] {
          pool.parallel([&](int thread, int) {
            if (thread >= workers) return;
            while (const auto range = ranges.take(static_cast<std::size_t>(thread))) {
              if (range.end - range.begin > std::max<std::size_t>(least, count / 2)) std::abort();
              for (std::size_t i = range.begin; i < range.end; ++i) ++hits[i];
            }
          });
        });
        for (const auto& hit : hits) CHECK(hit == 1);
      }
    }
  }
}
